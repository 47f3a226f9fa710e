"""What can be wrong with the input, as one plain sentence that says what to do.

Everything else that is raised is a bug of this project.
"""


class PictureError(ValueError):
    """The picture cannot be used: unreadable, too large, empty, or of an unknown kind.

    Attributes:
        reason: a few words under which such pictures are counted.
    """

    reason = "unreadable"


class NotAPictureError(PictureError):
    """The content is not a picture."""

    reason = "not a picture"


class UnreadFormatError(PictureError):
    """The content is a picture of a format that is not read here."""

    reason = "format not read"


class OutsideLinkError(PictureError):
    """The file is a link that leads out of its folder."""

    reason = "link that leads out"


class ModelError(ValueError):
    """The model cannot be used: unknown, broken, not at hand, or without SK units."""


class ScaleError(ValueError):
    """The scales, the protocol or the point of a sweep make no sense together."""
