"""Writing files so that a reader never sees half of one."""

import os
import secrets
from pathlib import Path

from wconv import _require as require


def atomic_write(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path``: a temporary file in the same directory, then ``os.replace``.

    On any failure the old file is as it was and the temporary one is gone.

    Raises:
        InputError: naming the path, when the system refuses to write there.

    """
    target = Path(os.path.realpath(path))  # a link stays a link, its target is replaced
    if target.exists() and not target.is_file():
        require.fail(
            f"path {path}", "be a plain file", "a folder or device", "choose another place"
        )
    # Not tempfile: its files are private (0600), results should get the user's umask.
    part = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    try:
        with open(part, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, target)
    except OSError as error:
        reason = error.strerror or str(error)
        require.fail(f"path {target}", "be writable", reason, "choose another place")
    finally:
        if part.exists():
            part.unlink()
