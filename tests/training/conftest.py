"""What the tests of this folder share."""

from fixtures.training import folder, model, photographs, two_classes
