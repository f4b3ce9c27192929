# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# mark N: executes the marker instruction with tag N (0 to 255), at which the counter writes what
# ran since the marker before. A static program of two pages without libc, for guest and dom0.
# Exit status 2 when N is missing or not such a number.

        .text
        .globl  _start
_start:
        cmpq    $2, (%rsp)
        jne     usage
        mov     16(%rsp), %rsi          # argv[1]
        xor     %eax, %eax
        cmpb    $0, (%rsi)
        je      usage
digit:
        movzbl  (%rsi), %ecx
        test    %ecx, %ecx
        jz      run
        sub     $'0', %ecx
        cmp     $9, %ecx
        ja      usage
        imul    $10, %eax, %eax
        add     %ecx, %eax
        cmp     $255, %eax
        ja      usage
        inc     %rsi
        jmp     digit
run:
        lea     table(%rip), %rcx
        lea     (%rcx, %rax, 8), %rcx
        call    *%rcx
        xor     %edi, %edi
        jmp     exit
usage:
        mov     $2, %edi
exit:
        mov     $60, %eax
        syscall

        .balign 8
table:
        .set    tag, 0
        .rept   256
        .byte   0x0f, 0x1f, 0x80        # nopl disp32(%rax)
        .long   0x70766b00 + tag
        ret
        .set    tag, tag + 1
        .endr

        .section .note.GNU-stack, "", @progbits
