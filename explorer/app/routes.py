"""What pages ask for besides callbacks: whether the server is there, and taking in a file of weights."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from flask import Flask, Response, request, send_file

from explorer.app.answers import UNEXPECTED
from explorer.app.export import slug
from explorer.app.workspace import Workspace
from explorer.engine.errors import ExplorerError, ModelSourceError, SaveError

MOST_BYTES = 2**30
CHUNK = 2**20
OWN_HEADER = "X-Explorer"
"""Only a page of this server can send it: for another site's page a browser would ask for leave first, and get none."""


def add_routes(server: Flask, workspace: Workspace) -> None:
    """Adds what pages ask for besides callbacks.

    - ``GET /alive``: ``{"run": ...}``, the name of this run of the server.
    - ``GET /exports?key=...&name=...``: the zip that an export made, to be saved under a name; 404 where it made room.
    - ``POST /weights?source=...&name=...``: a safetensors file as the body; ``{"source": ...}`` of the model with these
      weights, or ``{"error": ...}`` in words.
    """

    @server.get("/alive")
    def alive() -> Response:
        return _json({"run": workspace.run})

    @server.get("/exports")
    def exports() -> Response:
        file = workspace.tensors.file(request.args.get("key", ""), "zip")
        if not file.is_file():
            return Response("This export is no longer on the server. Make it again.", status=404, mimetype="text/plain")
        name = f"{slug(request.args.get('name', ''))}.zip"
        return send_file(file, mimetype="application/zip", as_attachment=True, download_name=name)

    @server.post("/weights")
    def weights() -> Response:
        if OWN_HEADER not in request.headers:
            return _json({"error": "Only a page of this server may send weights."}, 403)
        try:
            return _json({"source": received(workspace, request.args.get("source", ""), request.args.get("name", ""))})
        except ExplorerError as error:
            return _json({"error": str(error)})
        except Exception:
            server.logger.exception("The weights could not be taken in")
            return _json({"error": UNEXPECTED})


def received(workspace: Workspace, source: str, name: str) -> str:
    """The opaque id of the model that a request brings weights for.

    Args:
        workspace: The models.
        source: What names the architecture.
        name: File name of the weights, as the page has it.

    Raises:
        ExplorerError: The file is too large or no safetensors, its weights do not fit, or the disk refuses.
    """
    _check_size(request.content_length or 0)
    with tempfile.TemporaryDirectory(prefix="weights-", dir=workspace.tensors.folder) as folder:
        path = Path(folder) / file_name(name)
        try:
            _take_in(path)
        except OSError as error:
            raise SaveError(
                f"The weights could not be taken in: {error.strerror}. Make room on the disk of the server."
            ) from error
        try:
            return str(workspace.add_weights(source, path).source)
        except ModelSourceError as error:
            raise ModelSourceError(str(error).replace(str(path), path.name)) from error


def _take_in(path: Path) -> None:
    """The body of the request is in a file. It need not say how long it is, so that is counted."""
    taken = 0
    with path.open("wb") as file:
        while chunk := request.stream.read(CHUNK):
            taken += len(chunk)
            _check_size(taken)
            file.write(chunk)


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise ModelSourceError(
            f"The file has {size} bytes or more; a page can send {MOST_BYTES >> 30} GiB. Start the explorer with it "
            "instead: python -m explorer SOURCE --weights FILE"
        )


def file_name(name: str) -> str:
    """`name` as a harmless file name that ends in ``.safetensors``, so that it is read as nothing else."""
    stem = re.sub(r"[^\w.-]+", "-", Path(name).name).removesuffix(".safetensors").strip(".-")
    return f"{stem[:80] or 'weights'}.safetensors"


def _json(data: dict[str, str], status: int = 200) -> Response:
    return Response(json.dumps(data), status=status, mimetype="application/json", headers={"Cache-Control": "no-store"})
