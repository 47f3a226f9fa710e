"""The web app of a checkout: ``streamlit run app.py``. ``sk-viz app`` runs the same pages."""

from sk_viz.app.entry import main

main()
