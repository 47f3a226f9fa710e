"""What the tests of this folder share."""

from fixtures.surveys import (
    _one_thread,
    class_folders,
    encoded_picture,
    model_folder,
    random_model_folder,
    write_labels,
    write_table,
)
from fixtures.training import folder, model
