"""``python -m asterism``: the same as the command ``asterism``."""

from asterism.cli import main

if __name__ == "__main__":  # a spawned process imports this module again and must not run the command again
    main()
