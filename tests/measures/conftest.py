"""What the tests of this folder share."""

from fixtures.models import make_model, noise_picture, three_branch_model, tiny_model
from fixtures.training import folder, model
