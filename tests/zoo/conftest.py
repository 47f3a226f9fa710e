"""What the tests of this folder share."""

from fixtures.models import make_model, noise_picture, tiny_model
from fixtures.networks import foreign, randomised
