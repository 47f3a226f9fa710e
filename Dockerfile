# SK-Viz as a container.
#
#   docker build --tag sk-viz .                         CPU
#   docker build --target cuda --tag sk-viz:cuda .      NVIDIA GPUs
#   docker run --rm --read-only --tmpfs /tmp --publish 127.0.0.1:8501:8501 sk-viz

FROM python:3.11-slim-bookworm AS wheel
WORKDIR /source
RUN pip install --no-cache-dir "build>=1.2,<2"
COPY pyproject.toml requirements.txt README.md LICENSE NOTICE ./
COPY assets assets
COPY models models
COPY .streamlit .streamlit
COPY sk_viz sk_viz
RUN python -m build --wheel --outdir /wheels

FROM python:3.11-slim-bookworm AS base
RUN useradd --create-home --uid 1000 viewer
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SK_VIZ_CACHE=/tmp/sk-viz \
    XDG_CACHE_HOME=/tmp/cache \
    MPLCONFIGDIR=/tmp/matplotlib
EXPOSE 8501
# Streamlit answers here as soon as the page can be opened.
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["sk-viz", "app", "--host", "0.0.0.0", "--port", "8501", "--no-browser"]

FROM base AS cuda
COPY --from=wheel /wheels /wheels
COPY deploy/install.sh /wheels/
RUN sh /wheels/install.sh python /wheels/*.whl && rm -rf /wheels
ENV SK_VIZ_DEVICE=auto NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER viewer
WORKDIR /home/viewer

# The last stage is what "docker build" makes when no target is named.
FROM base AS cpu
COPY --from=wheel /wheels /wheels
COPY deploy/install.sh /wheels/
RUN sh /wheels/install.sh python /wheels/*.whl cpu && rm -rf /wheels
ENV SK_VIZ_DEVICE=cpu
USER viewer
WORKDIR /home/viewer
