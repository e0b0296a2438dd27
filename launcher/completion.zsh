#compdef ringlet
# SPDX-License-Identifier: GPL-2.0
# Completion of ringlet(1) for zsh. The options are asked from the program, so
# that this file cannot be behind it.

local -a options
if ((CURRENT == 2)); then
	compadd run try check prepare cache top trace symbols --help --version
elif ((${words[(I)--]} && ${words[(I)--]} < CURRENT)); then
	return 1	# the guest's
elif [[ ${words[CURRENT]} == -* ]]; then
	options=(${(f)"$(_call_program options ringlet ${words[2]} --help |
		grep -oE -- '^ {2,6}(-., )?--[a-z-]+' |
		grep -oE -- '--[a-z-]+|-[a-zA-Z]\b')"})
	compadd -a options
elif [[ ${words[CURRENT - 1]} == trace ]]; then
	compadd ${(f)"$(ringlet top --once --interval 1ms 2>/dev/null |
		cut -f1,3 | tr '\t' '\n' | grep -vx -- - | sort -u)"}
else
	_files
fi
