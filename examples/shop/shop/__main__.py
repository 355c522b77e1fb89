"""Start the shop with Flask's own server: ``python -m shop``."""

from shop import create_app
from shop.settings import Settings


def main() -> None:
    """Serve until interrupted."""
    settings = Settings.from_environment()
    app = create_app(settings)
    app.run(host=settings.host, port=settings.port, debug=False)


if __name__ == "__main__":
    main()
