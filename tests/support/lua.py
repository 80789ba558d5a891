"""Argo CD's scripts, run by a real Lua 5.1 as Argo CD runs them: ``obj`` in, a table out."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from wavelab import machine

_PACKAGE = {"lua5.1": ("lua5.1", "runs the scripts for Argo CD")}

_DRIVER = """
local function text(value)
  local escaped = value:gsub('[%c"\\\\]', function(c)
    return string.format("\\\\u%04x", c:byte())
  end)
  return '"' .. escaped .. '"'
end
local function dump(value)
  local kind = type(value)
  if kind == "nil" then return "null" end
  if kind == "string" then return text(value) end
  if kind ~= "table" then return tostring(value) end
  local parts = {}
  if #value > 0 then
    for _, each in ipairs(value) do parts[#parts + 1] = dump(each) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, each in pairs(value) do parts[#parts + 1] = text(key) .. ":" .. dump(each) end
  return "{" .. table.concat(parts, ",") .. "}"
end
"""


def run_script(script: Path, obj: Any) -> Any:
    """What the script returns for an object; ``obj`` is a global."""
    machine.install_packages(_PACKAGE, lambda _: None)
    program = f"{_DRIVER}\nobj = {_table(obj)}\nio.write(dump(dofile({_text(str(script))})))"
    done = subprocess.run(
        [str(shutil.which("lua5.1")), "-"],
        input=program,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}: {done.stderr}"
    return json.loads(done.stdout)


def _table(value: Any) -> str:
    """A document as a Lua expression; null is a key that is not there, as Argo CD has it."""
    match value:
        case None:
            return "nil"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case list():
            return "{" + ",".join(_table(each) for each in value) + "}"
        case dict():
            pairs = (f"[{_text(key)}]={_table(each)}" for key, each in value.items())
            return "{" + ",".join(pairs) + "}"
        case _:
            raise TypeError(type(value))


def _text(text: str) -> str:
    """A Lua string: bytes that are not plain by their decimal number."""
    plain = (
        chr(byte) if 35 <= byte < 127 and byte != 92 else f"\\{byte:03d}" for byte in text.encode()
    )
    return f'"{"".join(plain)}"'
