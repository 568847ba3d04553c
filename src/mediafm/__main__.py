"""`python -m mediafm` is the `mediafm` command."""

from mediafm.cli import main

if __name__ == "__main__":
    main()
