"""What can be wrong with the input, as one plain sentence that says what to do.

Everything else that is raised is a bug of this project.
"""


class PictureError(ValueError):
    """The picture cannot be used: unreadable, too large, empty, or of an unknown kind."""


class ModelError(ValueError):
    """The model cannot be used: unknown, broken, not at hand, or without SK units."""


class ScaleError(ValueError):
    """The scales, the protocol or the point of a sweep make no sense together."""
