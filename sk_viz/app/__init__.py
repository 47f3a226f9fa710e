"""The web app: ``entry`` is its script, ``shell`` what its pages share, then one file a page."""
