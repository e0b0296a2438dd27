#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# probe.sh OUT COMPILER FLAGS...: asks the kernel's headers what they offer, and
# writes OUT, a header with a HAVE_NAME for each answer that is yes. compat.h
# alone includes it.
#
# The release number tells nothing: stable kernels get interfaces of newer ones.
# So each probe is a few lines that compile or do not. All run at once. A probe
# that can only say no, because a flag or a header is not what it was, would
# silently choose the old interface; two more, whose answers are known, notice.

set -eu
out=$1
shift
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

all() {
	probe ALL_IS_WELL 'linux/module.h linux/sched.h' '(void)current;'
	probe NO_SUCH_THING 'linux/module.h linux/sched.h' 'no_such_thing(p);'

	probe EVENTFD_SIGNAL_ALONE linux/eventfd.h \
		'eventfd_signal((struct eventfd_ctx *)p);'
	probe SYSCORE_DATA linux/syscore_ops.h \
		'register_syscore((struct syscore *)p);'
	probe TRACE_IPI 'linux/smp.h trace/events/ipi.h' \
		'trace_ipi_send_cpu(0, 0, p);'
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
if [ ! -e "$work/ALL_IS_WELL.yes" ] || [ -e "$work/NO_SUCH_THING.yes" ]; then
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
