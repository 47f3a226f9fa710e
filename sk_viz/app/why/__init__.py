"""The page Why: which pixels decide a unit's choice?"""
