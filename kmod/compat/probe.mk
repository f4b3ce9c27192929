# SPDX-License-Identifier: GPL-2.0-only
# Compile probes: every file in kmod/compat/probe asks this kernel's headers one question.
# The answers become compat/pvkit_probes.h: #define PVK_HAVE_<NAME> 1 or 0.

pvk-probes := $(sort $(notdir $(basename $(wildcard $(src)/kmod/compat/probe/*.c))))
pvk-answers := $(addprefix $(obj)/compat/probe/,$(addsuffix .answer,$(pvk-probes)))

# The shims' own compiler line, with the two errors that tell one prototype from another.
pvk-probe-flags = $(filter-out -Wp$(comma)-MMD$(comma)%,$(c_flags)) -DMODULE -fsyntax-only \
	-Werror=implicit-function-declaration -Werror=incompatible-pointer-types -Werror=int-conversion

quiet_cmd_pvk_probe = PROBE   $(basename $(@F))
      cmd_pvk_probe = if $(CC) $(pvk-probe-flags) $< >$@.log 2>&1; then echo 1; else echo 0; fi >$@

targets += $(addprefix compat/probe/,$(addsuffix .answer,$(pvk-probes))) compat/pvkit_probes.h

$(obj)/compat/probe/%.answer: $(src)/kmod/compat/probe/%.c \
		$(objtree)/include/generated/autoconf.h FORCE
	$(call if_changed,pvk_probe)

quiet_cmd_pvk_answers = ANSWERS $@
      cmd_pvk_answers = sh $(src)/kmod/compat/answers $@ $(filter %.answer,$^)

$(obj)/compat/pvkit_probes.h: $(pvk-answers) $(src)/kmod/compat/answers FORCE
	$(call if_changed,pvk_answers)
