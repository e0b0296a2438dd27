#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# probe.sh OUT SYMVERS COMPILER FLAGS...: asks the kernel's headers what they offer,
# and its list of exports (Module.symvers), and writes OUT, a header with a
# HAVE_NAME for each answer that is yes. compat.h alone includes it.
#
# The release number tells nothing: stable kernels get interfaces of newer ones.
# So each probe is a few lines that compile or do not. All run at once. A probe
# that can only say no, because a flag or a header is not what it was, would
# silently choose the old interface; three more, whose answers are known, notice.

set -eu
out=$1
symvers=$2
shift 2
work=$out.probes
rm -rf "$work"
mkdir -p "$work"

# probe NAME 'HEADER...' 'STATEMENTS': "$@" of the script is in $compile.
probe() {
	for header in $2; do
		echo "#include <$header>"
	done >"$work/$1.c"
	printf 'void probe(void *p);\nvoid probe(void *p)\n{\n\t%s\n}\n' \
		"$3" >>"$work/$1.c"
	compile "$1" &
}

# exported NAME SYMBOL: to any module? Since 6.18 some are KVM's alone, and of that
# headers say nothing.
exported() {
	! awk -F '\t' -v symbol="$2" '$2 == symbol && $5 == "" { exit 1 }' \
		"$symvers" || return 0
	: >"$work/$1.yes"
}

all() {
	probe ALL_IS_WELL 'linux/module.h linux/sched.h' '(void)current;'
	probe NO_SUCH_THING 'linux/module.h linux/sched.h' 'no_such_thing(p);'

	exported EXPORTS kernel_fpu_begin_mask

	probe CPUID_API asm/cpuid/api.h ''
	probe ENTRY_VIRT linux/entry-virt.h ''
	probe EVENTFD_SIGNAL_ALONE linux/eventfd.h \
		'eventfd_signal((struct eventfd_ctx *)p);'
	probe FPU_IN_THREAD linux/sched.h '(void)current->thread.fpu.fpstate;'
	probe HRTIMER_SETUP linux/hrtimer.h \
		'hrtimer_setup((struct hrtimer *)p, 0, 0, 0);'
	probe RDMSRQ asm/msr.h 'u64 v; rdmsrq(0x1b, v); (void)v;'
	probe SYSCORE_DATA linux/syscore_ops.h \
		'register_syscore((struct syscore *)p);'
	probe TRACE_IPI 'linux/smp.h trace/events/ipi.h' \
		'trace_ipi_send_cpu(0, 0, p);'

	exported ASYNC_FAULTS kvm_async_pf_task_wait_schedule
	exported GUEST_SPLIT_LOCK handle_guest_split_lock
	wait
}

compile() {
	# What says a warning is another interface.
	if eval "$command" -Werror -x c -fsyntax-only '"$work/$1.c"' \
		>"$work/$1.log" 2>&1; then
		: >"$work/$1.yes"
	fi
}

command=
for word; do
	# Quoted for eval: flags hold quotes of their own.
	command="$command '$(printf '%s' "$word" | sed "s/'/'\\\\''/g")'"
done
all
if [ ! -e "$work/ALL_IS_WELL.yes" ] || [ -e "$work/NO_SUCH_THING.yes" ] ||
	[ ! -e "$work/EXPORTS.yes" ]; then
	echo "probe.sh: the kernel's headers cannot be asked:" >&2
	cat "$work/ALL_IS_WELL.log" >&2
	exit 1
fi
{
	echo "/* Made by probe.sh. */"
	for answer in "$work"/*.yes; do
		name=${answer##*/}
		echo "#define HAVE_${name%.yes}"
	done
} >"$out"
