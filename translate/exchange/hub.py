"""Runs on a hub of models: put there, and had from there, with a sentence for whatever stands in the way."""

from __future__ import annotations

import errno
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from translate import __version__
from translate.errors import UserError
from translate.exchange import bundle, safe
from translate.exchange.taken import Taken
from translate.extras import require

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_CARRIERS = ("http", "requests", "urllib3")
"""How the libraries are called that the hub's client may speak through: what they raise means that nobody answers."""

_OURS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
"""What this machine's disk says, and no network."""


def require_name(name: str) -> None:
    """UserError unless `name` is NAMESPACE/NAME as a hub has it."""
    if not _NAME.fullmatch(name) or len(name) > 96 or "--" in name or ".." in name or name.endswith((".", "-", ".git")):
        raise UserError(
            f'"{name}" names no repository',
            expected="NAMESPACE/NAME: your name there and a name for the model, of letters, digits, -, _ and .",
        )


def push(folder: Path, name: str, *, private: bool = False, message: str = "") -> str:
    """Upload what `bundle.write` made, as a new repository or a new version of one of ours; its address.

    UserError where nobody is logged in, where it is somebody else's, or holds something else, and without a network.
    """
    require_name(name)
    library = require("huggingface_hub", "hub")
    if library.get_token() is None:
        raise UserError("nobody is logged in to the hub", where=name, hint="hf auth login, or set HF_TOKEN")
    api = library.HfApi(library_name="translate-gan", library_version=__version__)
    with _sentences(name):
        if api.repo_exists(name):
            _require_ours(api, name, private)
        else:
            api.create_repo(name, private=private)
        address = api.upload_folder(repo_id=name, folder_path=folder, commit_message=message or "translate push")
    return str(getattr(address, "repo_url", address))


def pull(name: str, revision: str | None = None) -> Taken:
    """The weights and the configuration in a repository, checked. Nothing but these two files is fetched, and nothing
    that they hold is run. UserError where there is no such repository, revision or model in it."""
    require_name(name)
    library = require("huggingface_hub", "hub")
    api = library.HfApi(library_name="translate-gan", library_version=__version__)
    with tempfile.TemporaryDirectory() as folder:
        with _sentences(name, revision):
            commit = api.model_info(name, revision=revision).sha  # of both files the same one
            for file in (safe.ON_A_HUB, bundle.WEIGHTS):
                api.hf_hub_download(name, file, revision=commit, local_dir=folder)
        try:
            taken = safe.read(Path(folder) / bundle.WEIGHTS)
        except UserError as error:
            raise UserError(error.what, where=name, expected=error.expected, hint=error.hint) from None
    return Taken(taken.config, taken.state, {**taken.about, "source": f"{name}@{commit}"})


def _require_ours(api: Any, name: str, private: bool) -> None:
    there = api.model_info(name)
    files = {file.rfilename for file in there.siblings or ()} - {".gitattributes", bundle.CARD}
    if files and not {safe.ON_A_HUB, bundle.WEIGHTS} <= files:
        raise UserError(
            "holds something else already, which is not overwritten", where=name, expected="a new name, or one of yours"
        )
    if files:
        from translate.exchange import described

        with tempfile.TemporaryDirectory() as folder:
            said = Path(api.hf_hub_download(name, safe.ON_A_HUB, local_dir=folder)).read_bytes()
        try:
            described.parsed(said, name)
        except UserError:
            raise UserError(
                "holds another program's model, which is not overwritten", where=name, expected="a new name"
            ) from None
    if private and not there.private:
        raise UserError("is public already", where=f"{name}: --private", expected="a new name, or no --private")


@contextmanager
def _sentences(name: str, revision: str | None = None) -> Iterator[None]:
    """The client's exceptions as what they mean for who types."""
    from huggingface_hub import errors

    try:
        yield
    except errors.RevisionNotFoundError:
        raise UserError(
            f'there is no revision "{revision}"', where=name, expected="a branch, a tag or a commit"
        ) from None
    except errors.LocalEntryNotFoundError:  # it looked for a copy here, as nobody answered
        raise _unreachable(name) from None
    except errors.EntryNotFoundError:
        raise UserError(
            "holds no model of this program", where=name, expected=f"{bundle.WEIGHTS} and {safe.ON_A_HUB}"
        ) from None
    except errors.GatedRepoError:
        raise UserError("is given to those only whom its author admits", where=name) from None
    except errors.RepositoryNotFoundError:
        raise UserError(
            "there is no such repository, or it is private", where=name, hint="hf auth login, if it is yours"
        ) from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status == 401:
            raise UserError("the hub does not know this login", where=name, hint="hf auth login") from None
        if status == 403:
            raise UserError(
                "is not yours to write to", where=name, expected="your own namespace, and a token that may write"
            ) from None
        raise UserError(
            f"the hub answered with an error ({status})", where=name, hint="the same again, later"
        ) from None
    except Exception as error:
        of_network = isinstance(error, OSError) and error.errno not in _OURS
        if of_network or type(error).__module__.startswith(_CARRIERS):
            raise _unreachable(name) from None
        raise


def _unreachable(name: str) -> UserError:
    return UserError("the hub can't be reached", where=name, hint="look at the network, then the same again")
