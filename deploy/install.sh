#!/bin/sh
# Install SK-Viz into a Python environment for a container: no caches, no headers, no tests.
#
#   install.sh PYTHON WHEEL [cpu]
#
# With "cpu", PyTorch comes from its index of CPU builds, which is a quarter of the size.
set -eu
python=$1
wheel=$2
if [ "${3:-}" = cpu ]; then
  "$python" -m pip install --no-cache-dir --no-compile \
    --index-url "${TORCH_INDEX:-https://download.pytorch.org/whl/cpu}" \
    "torch>=2.9,<3" "torchvision>=0.24,<1"
fi
"$python" -m pip install --no-cache-dir --no-compile "$wheel"
packages=$("$python" -c "import sysconfig; print(sysconfig.get_path('purelib'))")
# What only builds and tests of these packages need.
rm -rf "$packages/torch/include" "$packages/torch/share" "$packages/pyarrow/include" \
  "$packages/pyarrow/tests" "$packages/pandas/tests" "$packages/matplotlib/tests" \
  "$packages/numpy/_core/tests" "$packages/scipy/tests"
find "$packages" -name '*.a' -delete
