# SPDX-License-Identifier: GPL-2.0-only
# How kbuild compiles and links the C++ of a module.

# The C++ compiler is the twin of the kernel's C compiler: same version, same machine options.
# CC may start with ccache and carry a target prefix and a version: x86_64-linux-gnu-gcc-12.
pvk-cc := $(firstword $(filter-out %ccache,$(CC)))
pvk-cxx-name := $(patsubst cc,c++,$(subst clang,clang++,$(subst gcc,g++,$(notdir $(pvk-cc)))))
pvk-cxx := $(subst $(notdir $(pvk-cc)),$(pvk-cxx-name),$(pvk-cc))
ifeq ($(shell command -v $(pvk-cxx)),)
$(error pvkit: this kernel is built with $(pvk-cc); its C++ twin $(pvk-cxx) is not installed)
endif

# Everything the kernel gives C code for safety is inherited; what only C understands, or what
# C++ objects must not have (call tracing and link time optimisation: COMDAT), is taken out.
pvk-c-only := -std=% -nostdinc -fms-extensions \
	-Wstrict-prototypes -Werror=strict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wno-pointer-sign -Wdeclaration-after-statement -Wmissing-declarations \
	-Werror=implicit-int -Werror=implicit-function-declaration -Werror=designated-init \
	-Werror=incompatible-pointer-types -Wenum-conversion -Wimplicit-fallthrough=5 \
	-Wno-override-init -Wno-unterminated-string-initialization -Wno-unused-but-set-variable \
	$(CC_FLAGS_FTRACE) $(CC_FLAGS_LTO) $(GCC_PLUGINS_CFLAGS)

# Without call tracing the compiler would keep frame pointers that this kernel does not use.
pvk-cxx-frames := $(if $(CONFIG_FRAME_POINTER),,-fomit-frame-pointer)

pvk-cxx-language := -std=gnu++20 -ffreestanding -fno-exceptions -fno-rtti \
	-fno-threadsafe-statics -fno-use-cxa-atexit -fcheck-new \
	-D__XEN_INTERFACE_VERSION__=0x00040d00

pvk-cxx-warnings := -Wall -Wextra -Wconversion -Wshadow -Wold-style-cast -Wcast-qual \
	-Wzero-as-null-pointer-constant -Wnon-virtual-dtor -Wextra-semi -Wvla \
	-Wno-unused-parameter -Wframe-larger-than=1024
pvk-cxx-warnings-$(PVKIT_WERROR) += -Werror

# Reachable headers: the kit's, the compiler's own and <xen/...>. No libc and no Linux header:
# including one is an error here, so the core stays freestanding.
pvk-compiler-dirs := $(shell LC_ALL=C $(pvk-cxx) -xc++ -E -v /dev/null 2>&1 | \
	awk '/^ \// && (/\/c\+\+\// || /\/(gcc|clang)\/.*\/include$$/) { print $$1 }')
pvk-cxx-includes := -I$(src)/include -I$(src) -nostdinc \
	$(addprefix -isystem ,$(pvk-compiler-dirs)) \
	-idirafter $(src)/kmod/compat/libc -idirafter $(obj)/xen-headers

pvk-cxx-flags = $(filter-out $(pvk-c-only),$(KBUILD_CFLAGS) $(KBUILD_CFLAGS_MODULE)) \
	$(pvk-cxx-language) $(pvk-cxx-frames) $(pvk-cxx-warnings) $(pvk-cxx-warnings-y) $(pvk-cxx-includes) \
	$(pvk-faults)

quiet_cmd_pvk_cxx = CXX [M]  $@
      cmd_pvk_cxx = $(pvk-cxx) -Wp,-MD,$(depfile) $(pvk-cxx-flags) -c -o $@ $<

# objtool may be a bare command, start with "; ", or be absent because the kernel runs it on the
# whole module; from 6.1 on (long options) it wants to be told that this object is a linked one.
pvk-objtool-raw = $(patsubst ;%,%,$(strip $(cmd_objtool)))
pvk-objtool-cmd = $(if $(strip $(objtool-args-y)),$(subst $(objtool) ,$(objtool) --link ,$(pvk-objtool-raw)),$(pvk-objtool-raw))
pvk-objtool = $(if $(pvk-objtool-raw),; $(pvk-objtool-cmd))

# One link per module before objtool sees it: no COMDAT group, no duplicate section, no DWARF
# (pahole cannot describe C++; the separate objects keep theirs for gdb).
quiet_cmd_pvk_core = CXXLD [M]  $@
      cmd_pvk_core = $(LD) $(ld_flags) -r --force-group-allocation -S -T $(src)/kmod/cxx.lds \
	-o $@ $(filter %.o,$^)$(pvk-objtool)
