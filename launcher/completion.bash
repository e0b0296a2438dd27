# SPDX-License-Identifier: GPL-2.0
# Completion of ringlet(1) for bash. The options are asked from the program, so
# that this file cannot be behind it.

_ringlet_options() {
	ringlet "$1" --help 2>/dev/null | grep -oE -- '^ {2,6}(-., )?--[a-z-]+' |
		grep -oE -- '--[a-z-]+|-[a-zA-Z]\b'
}

_ringlet() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local i

	COMPREPLY=()
	# What is behind -- belongs to the guest.
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} != -- ]] || return
	done
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W \
			'run try check prepare cache top trace symbols --help --version' -- "$word")
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_ringlet_options "${COMP_WORDS[1]}")" -- "$word")
	else
		case $before in
		cache)
			mapfile -t COMPREPLY < <(compgen -W \
				'list path clean' -- "$word")
			;;
		--user)
			mapfile -t COMPREPLY < <(compgen -u -- "$word")
			;;
		--cache | --chroot | --rw)
			mapfile -t COMPREPLY < <(compgen -d -- "$word")
			;;
		--net)
			mapfile -t COMPREPLY < <(compgen -W \
				'user tap= unix=' -- "$word")
			;;
		-m | --memory | -c | --cpus | --pin | -a | --append | --escape | --stop-timeout | \
			--interval | -f | --for | --buffer | --offset) ;;
		trace)
			mapfile -t COMPREPLY < <(compgen -W "$(ringlet top \
				--once --interval 1ms 2>/dev/null |
				cut -f1,3 | tr '\t' '\n' | grep -vx -- -)" -- \
				"$word")
			;;
		*)
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			;;
		esac
	fi
}

complete -F _ringlet ringlet
