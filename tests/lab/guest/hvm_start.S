# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# Starts an HVM guest's kernel that lies in memory already.
#
# The emulated option ROM of a directly booted HVM guest reads kernel and initramfs a byte at a time: 100 s for 10 MB.
# So QEMU's loader device puts the bare kernel and the initramfs into the guest's memory, and the option ROM only brings
# the kernel's own real-mode part with this in place of the packed kernel. Firmware, real-mode part and boot parameters
# are the usual ones; what is left out is unpacking the kernel and moving it to a random address.
#
# Entered at 1 MiB in 32-bit mode without paging, %esi = boot parameters. ENTRY is the kernel's 64-bit entry, RAMDISK and
# RAMDISK_SIZE say where the initramfs lies.

        .set    ramdisk_image, 0x218
        .set    ramdisk_size, 0x21c
        .set    tables, 0x200000                # PML4, PDPT and 4 PDs: 4 GiB mapped one to one by 2 MiB pages
        .set    pdpt, tables + 0x1000
        .set    pds, tables + 0x2000
        .set    link, 0x3                       # present, writable
        .set    page, 0x83                      # and 2 MiB

        .text
        .code32
        .globl  _start
_start:
        cld
        movl    $RAMDISK, ramdisk_image(%esi)
        movl    $RAMDISK_SIZE, ramdisk_size(%esi)

        mov     $tables, %edi
        xor     %eax, %eax
        mov     $(6 * 1024), %ecx
        rep     stosl
        movl    $(pdpt + link), tables
        movl    $(pds + link), pdpt
        movl    $(pds + 0x1000 + link), pdpt + 8
        movl    $(pds + 0x2000 + link), pdpt + 16
        movl    $(pds + 0x3000 + link), pdpt + 24
        mov     $pds, %edi
        mov     $page, %eax
map:
        mov     %eax, (%edi)
        add     $8, %edi
        add     $0x200000, %eax
        jnc     map                             # until 4 GiB

        mov     %cr4, %eax
        or      $0x20, %eax                     # PAE
        mov     %eax, %cr4
        mov     $tables, %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx               # EFER
        rdmsr
        or      $0x100, %eax                    # LME
        wrmsr
        mov     %cr0, %eax
        or      $0x80000000, %eax               # PG
        mov     %eax, %cr0
        lgdt    gdt_pointer
        ljmp    $0x10, $long_mode

        .code64
long_mode:
        mov     $0x18, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     %esi, %esi                      # clears the upper half
        mov     $ENTRY, %rax
        jmp     *%rax

        .balign 8
gdt:
        .quad   0, 0
        .quad   0x00af9a000000ffff              # 0x10: 64-bit code, as the boot protocol wants it
        .quad   0x00cf92000000ffff              # 0x18: data
gdt_pointer:
        .word   gdt_pointer - gdt - 1
        .long   gdt

        .section .note.GNU-stack, "", @progbits
