"""Attribution: which pixels decide a class, a unit's difference or a channel's weight."""
