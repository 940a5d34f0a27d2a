/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: milter-replay: recordings of what MTAs and milters said.
 */
#include <string.h>

#include "convert.h"
#include "compare.h"
#include "record.h"
#include "replay.h"
#include "show.h"
#include "tool-console.h"

/**
 * Command: what the first argument can be
 */
static const struct
{
  const char *name;
  ToolExit (*run) (int argc, char **argv);
  const char *summary;
} commands[] = {
  { "convert", convert_run, "write recordings in another format" },
  { "compare", compare_run, "tell what differs between two recordings of the same traffic" },
  { "record", record_run, "pass traffic on between MTA and milter, and record it" },
  { "replay", replay_run, "play recordings against a milter, and tell what it answers otherwise" },
  { "show", show_run, "print the sessions of recordings" },
};

static const char usage[] = "Usage: milter-replay COMMAND [OPTION…] [ARGUMENT…]\n"
                            "\n"
                            "Reads recordings of what MTAs and milters said to each other: captures (pcap, pcapng),\n"
                            "traces and scenarios.\n"
                            "\n"
                            "Commands:\n";

static void
print_help (void)
{
  fputs (usage, stdout);
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    printf ("  %-8s %s\n", commands[i].name, commands[i].summary);
  fputs ("\n"
         "Options:\n"
         "  -?, --help     Show this, or behind a command its options\n"
         "  --version      Print the version\n",
         stdout);
}

/* (transfer full) `record, show` */
static char *
list_commands (void)
{
  GString *names = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    g_string_append_printf (names, "%s%s", i == 0 ? "" : ", ", commands[i].name);
  return g_string_free (names, FALSE);
}

static bool
is_one_of (const char *word, const char *one, const char *other)
{
  return strcmp (word, one) == 0 || (other != NULL && strcmp (word, other) == 0);
}

static ToolExit
run (int argc, char **argv)
{
  g_autofree char *names = list_commands ();

  if (argc < 2)
    {
      tool_usage_error ("a command is missing: %s", names);
      return TOOL_EXIT_USAGE;
    }
  if (is_one_of (argv[1], "--help", "-?") || is_one_of (argv[1], "-h", "help"))
    {
      print_help ();
      return TOOL_EXIT_OK;
    }
  if (is_one_of (argv[1], "--version", NULL))
    {
      printf ("%s\n", MILTERLAB_VERSION);
      return TOOL_EXIT_OK;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++)
    if (strcmp (argv[1], commands[i].name) == 0)
      return commands[i].run (argc - 1, argv + 1);
  tool_usage_error ("\"%s\" is no command; there is: %s", argv[1], names);
  return TOOL_EXIT_USAGE;
}

int
main (int argc, char **argv)
{
  ToolExit status;

  tool_init (argv[0]);
  status = run (argc, argv);
  return (int) (tool_flush_output () ? status : tool_exit_worse (status, TOOL_EXIT_USAGE));
}
