// SPDX-License-Identifier: GPL-2.0
/* See trace_json.h. */
#include <inttypes.h>
#include <stdarg.h>

#include "trace_json.h"

static void put(struct trace_json *json, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* One event; all begin with the process. */
static void put(struct trace_json *json, const char *format, ...)
{
	va_list arguments;

	if (!json->out)
		return;
	fprintf(json->out, "%s\n{\"pid\":%d,", json->comma ? "," : "",
		json->pid);
	json->comma = true;
	va_start(arguments, format);
	vfprintf(json->out, format, arguments);
	va_end(arguments);
	putc('}', json->out);
}

const char *json_plain(const char *name, char *buffer, size_t size)
{
	size_t i;

	for (i = 0; name[i] && i + 1 < size; i++)
		buffer[i] = name[i] < ' ' || name[i] > '~' || name[i] == '"' ||
			    name[i] == '\\' ? '?' : name[i];
	buffer[i] = '\0';
	return buffer;
}

void json_begin(struct trace_json *json, const char *process)
{
	char buffer[96];

	if (json->out)
		fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[",
		      json->out);
	put(json, "\"tid\":0,\"ph\":\"M\",\"name\":\"process_name\",\"args\":"
	    "{\"name\":\"%s\"}", json_plain(process, buffer, sizeof(buffer)));
}

void json_end(struct trace_json *json)
{
	if (json->out)
		fputs("\n]}\n", json->out);
}

void json_track(struct trace_json *json, unsigned int track, const char *name)
{
	char buffer[96];

	put(json, "\"tid\":%u,\"ph\":\"M\",\"name\":\"thread_name\",\"args\":"
	    "{\"name\":\"%s\"}", track,
	    json_plain(name, buffer, sizeof(buffer)));
	put(json, "\"tid\":%u,\"ph\":\"M\",\"name\":\"thread_sort_index\","
	    "\"args\":{\"sort_index\":%u}", track, track);
}

/* Microseconds, with three digits behind the point. */
#define TIME		"%" PRIu64 ".%03u"
#define TIME_OF(ns)	(ns) / 1000, (unsigned int)((ns) % 1000)

static uint64_t since_start(const struct trace_json *json, uint64_t ns)
{
	return ns > json->first ? ns - json->first : 0;
}

void json_slice(struct trace_json *json, unsigned int track,
		const char *category, const char *name, uint64_t since,
		uint64_t until, const char *args)
{
	put(json, "\"tid\":%u,\"ph\":\"X\",\"cat\":\"%s\",\"name\":\"%s\",\"ts\":"
	    TIME ",\"dur\":" TIME ",\"args\":%s", track, category, name,
	    TIME_OF(since_start(json, since)), TIME_OF(until - since), args);
}

void json_instant(struct trace_json *json, unsigned int track,
		  const char *category, const char *name, uint64_t when,
		  const char *args)
{
	put(json, "\"tid\":%u,\"ph\":\"i\",\"s\":\"t\",\"cat\":\"%s\","
	    "\"name\":\"%s\",\"ts\":" TIME ",\"args\":%s", track, category, name,
	    TIME_OF(since_start(json, when)), args);
}
