// SPDX-License-Identifier: GPL-2.0
/* A file of options. See config.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#define BLANKS " \t\r\v\f"

int config_open(struct config *config, const char *path)
{
	FILE *f = fopen(path, "re");
	size_t got;
	int error = 0;

	memset(config, 0, sizeof(*config));
	if (!f)
		return -errno;
	config->text = malloc(CONFIG_SIZE_MAX + 1);
	if (!config->text) {
		fclose(f);
		return -ENOMEM;
	}
	errno = 0;
	got = fread(config->text, 1, CONFIG_SIZE_MAX + 1, f);
	if (ferror(f))
		error = errno ? -errno : -EIO;
	else if (got > CONFIG_SIZE_MAX)
		error = -E2BIG;
	else if (memchr(config->text, 0, got))
		error = -EINVAL;	/* no text at all */
	fclose(f);
	if (error) {
		free(config->text);
		config->text = NULL;
		return error;
	}
	config->text[got] = '\0';
	config->next = config->text;
	return 0;
}

/* The next line without the blanks at its ends, or NULL. */
static char *next_line(struct config *config)
{
	char *line = config->next, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	config->next = end ? end + 1 : NULL;
	if (!end)
		end = line + strlen(line);
	while (end > line && strchr(BLANKS, end[-1]))
		end--;
	*end = '\0';
	config->line++;
	return line + strspn(line, BLANKS);
}

bool config_next(struct config *config, char **name, char **value)
{
	char *line, *end;

	do {
		line = next_line(config);
		if (!line)
			return false;
	} while (!*line || *line == '#');
	if (!strncmp(line, "--", 2))
		line += 2;
	*name = line;
	end = line + strcspn(line, BLANKS "=");
	*value = end + strspn(end, BLANKS);
	if (**value == '=')
		*value += 1 + strspn(*value + 1, BLANKS);
	/* `name` and `name =` differ: an empty value is one, too. */
	if (!*end)
		*value = NULL;
	*end = '\0';
	return true;
}
