"""Run the command line with ``python -m cocktailparty``."""

import sys

from cocktailparty.cli import main

sys.exit(main())
