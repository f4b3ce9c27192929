# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The object gate's rules. Each takes an Object and what its kernel demands, and yields complaints.

docs/module-build.md says for each rule what goes wrong in a kernel when it is broken.
"""

import collections
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent

FORBIDDEN = re.compile(
    r"^\.(init_array|preinit_array|fini_array|ctors|dtors|eh_frame|gcc_except_table|tdata|tbss)"
    r"(\.|$)"
)


def sections(obj, kernel):
    """Nothing that needs a C++ runtime, an unwinder or a loader that kernels do not have."""
    for section in obj.sections:
        if section.type == "GROUP":
            yield f"{obj}: COMDAT group {section.name} reached kbuild"
        if FORBIDDEN.match(section.name):
            yield f"{obj}: section {section.name}"


def duplicates(obj, kernel):
    """Two loaded sections of one name: sysfs refuses the second and the module does not load."""
    names = collections.Counter(s.name for s in obj.sections if "A" in s.flags)
    for name, count in names.items():
        if count > 1:
            yield f"{obj}: {count} loaded sections called {name}"


def merged(obj, kernel):
    """One section per C++ function would mean one sysfs file each: cxx.lds folds them."""
    for section in obj.sections:
        if re.match(r"^\.(text|rodata|data|bss)\b.*\._Z", section.name):
            yield f"{obj}: section {section.name} was not folded by cxx.lds"


def undefined(obj, kernel):
    """The core may call the platform contract and the few helpers a compiler calls by itself."""
    allowed = allowed_symbols()
    for symbol in obj.undefined:
        if not allowed.fullmatch(symbol):
            yield f"{obj}: undefined symbol {symbol} (allowed: tests/gate/allowed-symbols)"


def allowed_symbols():
    lines = (HERE / "allowed-symbols").read_text().splitlines()
    return re.compile("|".join(line for line in lines if line and not line.startswith("#")))


def no_abort(obj, kernel):
    """The kernel exports abort(), so an unchecked std::optional would link without a word."""
    if "abort" in obj.undefined:
        yield f"{obj}: calls abort()"


def returns(obj, kernel):
    """A bare return where the kernel sends every return through its thunk."""
    if not kernel.rethunk:
        return
    for code in obj.code:
        if code.mnemonic in ("ret", "retq"):
            yield f"{obj}: bare return in {code.function}"


def branches(obj, kernel):
    """A bare indirect branch where the kernel has retpolines."""
    if not kernel.retpoline:
        return
    for code in obj.code:
        if code.mnemonic in ("call", "callq", "jmp", "jmpq") and code.operands.startswith("*"):
            # Calls through pv_ops are patched to direct ones at boot, and objtool knows them.
            if not (code.relocation or "").startswith("pv_ops"):
                yield f"{obj}: bare indirect {code.mnemonic} {code.operands} in {code.function}"


VECTOR = re.compile(r"%([xyz]mm\d+|mm[0-7]\b|st\b|k[0-7]\b)")
X87 = re.compile(
    r"^f(n?st|n?sav|n?init|n?clex|ld|i|add|sub|mul|div|com|ucom|chs|abs|xch|rstor|sqrt)"
)


def vectors(obj, kernel):
    """A vector or x87 register: the kernel does not save the interrupted program's."""
    for code in obj.code:
        if VECTOR.search(code.operands) or X87.match(code.mnemonic):
            yield f"{obj}: {code.mnemonic} {code.operands} in {code.function}"


EVERY_OBJECT = (sections, duplicates, merged, no_abort, returns, branches, vectors)
CORE_ONLY = (undefined,)
