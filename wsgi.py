"""The entry point: `python wsgi.py` is one worker, `flask --app wsgi …` the operator's commands.

Importing it starts no greenlet, opens no Redis and takes no lock. Only a worker is patched for eventlet: by the time
`flask` imports this, flask itself is loaded, and patching late is worse than not at all.
"""

import warnings

warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")  # known, and the way out is kept open

if __name__ == "__main__":
    import eventlet

    eventlet.monkey_patch()

import os

os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"  # psycopg's other ways to wait block the whole process

import sys

from chatapp import create_app
from config import ConfigError, load_settings

try:
    settings = load_settings()
except ConfigError as error:
    sys.stderr.write(f"chatapp: {error}\n")
    sys.exit(error.exit_status)

app = create_app(settings, async_mode="eventlet" if __name__ == "__main__" else "threading")

if __name__ == "__main__":
    from chatapp.serving.main import main

    sys.exit(main(app, settings))
