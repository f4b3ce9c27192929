# SPDX-License-Identifier: MIT OR GPL-2.0-only
import argparse, sys
from .say import LabError, say
from .kernel import find_kernel
def main():
    p=argparse.ArgumentParser(prog="lab"); s=p.add_subparsers(dest="c",required=True)
    h=s.add_parser("headers"); h.add_argument("--kernel",default="6.1"); h.add_argument("--headers",nargs="*",default=[])
    a=p.parse_args()
    try:
        print(find_kernel(a.kernel,a.headers).kdir())
    except LabError as e:
        say(f"error: {e}"); return 1
    return 0
