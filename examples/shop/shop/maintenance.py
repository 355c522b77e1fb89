"""The page shown while the shop is being rebuilt: ``python -m shop.maintenance``."""

from flask import Flask, Response

app = Flask(__name__)


@app.route("/", defaults={"path": ""})
@app.route("/<path:path>")
def closed(path: str) -> Response:
    """Answer every path alike, and ask browsers to come back in ten minutes."""
    return Response("The shop opens again in a few minutes.", status=503, headers={"Retry-After": "600"})


if __name__ == "__main__":
    app.run(port=5000, debug=True)
