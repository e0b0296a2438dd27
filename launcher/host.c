// SPDX-License-Identifier: GPL-2.0
/* Reading what Linux says about its host. See host.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

bool host_cpu_has(const char *cpuinfo, const char *word)
{
	const char *line = strstr(cpuinfo, "\nflags");
	size_t length = strlen(word);
	const char *end, *at;

	if (!line)
		return false;
	line++;
	end = line + strcspn(line, "\n");
	for (at = strstr(line, word); at && at < end;
	     at = strstr(at + 1, word))
		if (isspace(at[-1]) && (!at[length] || isspace(at[length])))
			return true;
	return false;
}

bool host_module_listed(const char *modules_dep, const char *name)
{
	size_t length = strlen(name);
	const char *line, *file, *colon;

	for (line = modules_dep; *line; line += *line == '\n') {
		colon = line + strcspn(line, ":\n");
		/* From the colon back to the last part of the path. */
		for (file = colon; file > line && file[-1] != '/'; file--)
			;
		if (!strncmp(file, name, length) &&
		    !strncmp(file + length, ".ko", 3))
			return true;
		line = colon + strcspn(colon, "\n");
	}
	return false;
}

bool host_choice(const char *text, char *choice, size_t size)
{
	const char *open = strchr(text, '[');
	const char *close = open ? strchr(open, ']') : NULL;

	if (!close || (size_t)(close - open) > size)
		return false;
	memcpy(choice, open + 1, close - open - 1);
	choice[close - open - 1] = '\0';
	return true;
}

/* Files of /proc have no size to ask for. */
bool host_read_file(const char *path, char **text)
{
	FILE *file = fopen(path, "re");
	size_t used = 0, room = 0, got;
	char *buffer = NULL, *more;

	if (!file)
		return false;
	do {
		room += 16384;
		more = realloc(buffer, room);
		if (!more)
			break;
		buffer = more;
		got = fread(buffer + used, 1, room - used - 1, file);
		used += got;
	} while (got);
	if (!more || ferror(file)) {
		free(buffer);
		buffer = NULL;
	} else {
		buffer[used] = '\0';
	}
	fclose(file);
	*text = buffer;
	return buffer != NULL;
}
