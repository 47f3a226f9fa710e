"""``python -m sk_viz``: the command line."""

from sk_viz.cli import main

if __name__ == "__main__":
    main()
