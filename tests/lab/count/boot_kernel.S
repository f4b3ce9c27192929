# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# A multiboot kernel for the counter's own test: it runs pieces of code of known length between
# markers, writes the time stamp counter before and after each to port 0xe9, and ends QEMU.
# From each `mark` the piece goes up to and with the next `mark`; boot_test.py holds the lengths.

        .code32
        .text
        .set    MAGIC, 0x1badb002
        .long   MAGIC, 0, -MAGIC

        .macro  mark tag
        .byte   0x0f, 0x1f, 0x80        # nopl disp32(%eax)
        .long   0x70766b00 + \tag
        .endm

        # Time stamp into %ebp, between two serialised points of its own.
        .macro  stamp
        rdtsc
        mov     %eax, (%ebp)
        add     $4, %ebp
        .endm

        .globl  _start
_start:
        mov     $stack_top, %esp
        mov     $stamps, %ebp
        stamp
        mark    1

        # Straight code: 5 nop + the stamp of 3 + the mark.
        nop
        nop
        nop
        nop
        nop
        stamp
        mark    2

        # A loop of 1000 calls: 1 + 1000 * (call + 3 in leaf + dec + jnz) + 4.
        mov     $1000, %ecx
again:  call    leaf
        dec     %ecx
        jnz     again
        stamp
        mark    3

        # Device access in the middle of a block: 200 * (3 mov + in + 2 add + dec + jnz) + 1 + 4.
        # With counted time such a block is left and entered again at its middle.
        mov     $200, %ecx
device: mov     $0x70, %edx
        mov     $1, %ebx
        mov     $2, %esi
        in      %dx, %al
        add     %ebx, %esi
        add     %esi, %ebx
        dec     %ecx
        jnz     device
        stamp
        mark    4

        # A copy of 64 bytes by one instruction, counted once a byte: 4 + 64 + 4.
        mov     $64, %ecx
        mov     $source, %esi
        mov     $target, %edi
        cld
        rep movsb
        stamp
        mark    5

        mov     $stamps, %esi
        mov     $(6 * 4), %ecx
        mov     $0xe9, %edx
        rep outsb
        xor     %eax, %eax
        out     %eax, $0xf4             # isa-debug-exit
halt:   hlt
        jmp     halt

        .balign 64
        .globl  leaf
leaf:   mov     %ecx, %eax
        add     %eax, %eax
        ret

        .bss
        .balign 16
stamps: .skip   64
source: .skip   64
target: .skip   64
        .skip   256
stack_top:
        .section .note.GNU-stack, "", @progbits
