"""What the tests of this folder share."""

from fixtures.networks import foreign, randomised
