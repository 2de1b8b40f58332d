"""PDF by typst, with the Chinese fonts of a package: no font of the machine, nothing from outside.

What people wrote goes in as data (JSON), never as source, so that nothing typed can be more than text.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

#: Templates: `templates/pdf/NAME.typ`. They read their data by `json(bytes(sys.inputs.data))`.
FOLDER = Path(settings.BASE_DIR) / "templates" / "pdf"


def render(name: str, data: Mapping[str, Any], *, at: datetime) -> bytes:
    """A PDF of a template. `at` is written as its date; the same data and moment give the same bytes.

    Raises FileNotFoundError for an unknown template.
    """
    import typst  # 80 MB of engine: not for a process that prints nothing

    template = FOLDER / f"{name}.typ"
    if not template.is_file():
        raise FileNotFoundError(template)
    made = typst.Compiler(
        template.read_bytes(), font_paths=_fonts(), ignore_system_fonts=True, sys_inputs={"data": json.dumps(data)}
    ).compile(format="pdf", timestamp=int(at.timestamp()))
    if not isinstance(made, bytes):
        raise TypeError("typst gave no PDF")
    return made


@lru_cache(maxsize=1)
def _fonts() -> Any:
    """Noto Sans and Serif SC; read once per process."""
    import pylopdf_fonts_zh_cn
    import typst

    folder = str(Path(pylopdf_fonts_zh_cn.sans_path()).parent)
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[folder])
