# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# A multiboot kernel that plays Xen, for the counter's own test: from Xen's addresses it calls one
# function at a kernel's address, which two owners have in different memory, after writing in
# `current` who runs. boot_test.py holds the number of calls; `work` has 3 instructions.

        .set    MAGIC, 0x1badb002
        .set    XEN, 0xffff82d040000000         # maps the first 2 MiB
        .set    KERNEL, 0xffffffff81000000      # maps the owner's 2 MiB
        .set    DOM0_MEMORY, 0x400000
        .set    GUEST_MEMORY, 0x600000
        .set    LARGE, 0x83                     # present, writable, 2 MiB

        .text
        .code32
        .long   MAGIC, 0, -MAGIC

        .globl  _start
_start:
        # One table of each level serves all three places: only the indexes differ.
        movl    $(pdpt + 3), pml4
        movl    $(pdpt + 3), pml4 + 8 * 261
        movl    $(pdpt + 3), pml4 + 8 * 511
        movl    $(pd + 3), pdpt
        movl    $(pd + 3), pdpt + 8 * 321
        movl    $(pd + 3), pdpt + 8 * 510
        movl    $LARGE, pd
        movl    $(DOM0_MEMORY + LARGE), pd + 8 * 2
        movl    $(GUEST_MEMORY + LARGE), pd + 8 * 3

        mov     $pml4, %eax
        mov     %eax, %cr3
        mov     $0x20, %eax                     # PAE
        mov     %eax, %cr4
        mov     $0xc0000080, %ecx               # EFER: long mode
        mov     $0x100, %eax
        xor     %edx, %edx
        wrmsr
        mov     $0x80000001, %eax               # paging
        mov     %eax, %cr0
        lgdt    gdt_pointer
        ljmp    $8, $long_mode

        .code64
        .macro  mark tag
        .byte   0x0f, 0x1f, 0x80
        .long   0x70766b00 + \tag
        .endm

        .macro  run vcpu memory count
        movabs  $\vcpu, %rax
        mov     %rax, current(%rip)
        movl    $(\memory + LARGE), pd + 8 * 8(%rip)
        mov     %cr3, %rax
        mov     %rax, %cr3
        mov     $\count, %ecx
1:      call    *%rbx
        dec     %ecx
        jnz     1b
        .endm

        .macro  run_dom0 count
        run     0xffff83000000d000 DOM0_MEMORY \count
        .endm

        .macro  run_guest count
        run     0xffff83000000e000 GUEST_MEMORY \count
        .endm

long_mode:
        mov     work(%rip), %eax
        mov     %eax, DOM0_MEMORY
        mov     %eax, GUEST_MEMORY
        movabs  $XEN, %rax                      # go on at Xen's addresses
        lea     stack_top(%rip), %rsp
        add     %rax, %rsp
        lea     as_xen(%rip), %rcx
        add     %rcx, %rax
        jmp     *%rax

as_xen:
        movabs  $KERNEL, %rbx
        run_dom0 5
        mark    1
        run_dom0 10
        run_guest 20
        mark    2
        run_dom0 30
        run_guest 50
        mark    3
        xor     %eax, %eax
        out     %eax, $0xf4                     # isa-debug-exit
halt:   hlt
        jmp     halt

        .balign 4
work:   nop
        nop
        ret
        nop

        .balign 8
gdt:    .quad   0, 0x00209a0000000000
gdt_pointer:
        .word   15
        .long   gdt

        .bss
        .balign 4096
pml4:   .skip   4096
pdpt:   .skip   4096
pd:     .skip   4096
        .globl  current
current: .skip  8
        .skip   256
stack_top:
        .section .note.GNU-stack, "", @progbits
