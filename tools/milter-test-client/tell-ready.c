/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tell-ready.c: tells that the milter listens, and where.
 */
#include "tell-ready.h"

#include "report-lines.h"
#include "tool-ready.h"

/* a line of the kind that everybody who reads the output expects; a report is no place for any */
static void
print_line (TestClientPrints prints, const char *spec)
{
  FILE *out = prints == TEST_CLIENT_PRINTS_REPORT ? stderr : stdout;
  g_autoptr (GString) line = g_string_new (NULL);

  if (prints == TEST_CLIENT_PRINTS_JSON)
    {
      g_string_append (line, "{\"type\":\"listening\",");
      report_append_json (line, "spec", milter_bytes_from_string (spec));
      g_string_append (line, "}\n");
    }
  else
    g_string_append_printf (
        line, "%slistening on %s\n", prints == TEST_CLIENT_PRINTS_TRACE ? "# " : "", spec);
  fwrite (line->str, 1, line->len, out);
  fflush (out);
}

void
tell_ready (const TestClientOptions *options, const struct sockaddr *address)
{
  g_autofree char *spec = milter_connection_address_to_spec (address);

  print_line (options->prints, spec);
  tool_ready_write (options->ready_fd, spec);
}
