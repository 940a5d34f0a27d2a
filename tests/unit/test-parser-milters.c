/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-parser-milters.c: the milters under test, where they shall listen, and the variables that
 * tell them.
 */
#include <criterion/criterion.h>

#include "scenario-dump.h"

typedef struct
{
  guint n_places, n_folders;
  gboolean fails;
} Host;

static gboolean
place (gpointer user_data, guint n, gboolean tcp, char **path, char **spec, guint16 *port, GError **error)
{
  Host *host = user_data;

  host->n_places++;
  if (host->fails)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOSPC, "no room");
      return FALSE;
    }
  *path = tcp ? NULL : g_strdup_printf ("/run/%u", n);
  *port = tcp ? (guint16) (9000 + n) : 0;
  *spec = tcp ? g_strdup_printf ("inet:%u@127.0.0.1", 9000 + n)
              : g_strdup_printf ("unix:/run/%u", n);
  return TRUE;
}

static const char *
make_folder (gpointer user_data, GError **error)
{
  Host *host = user_data;

  host->n_folders++;
  if (!host->fails)
    return "/tmp/run";
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOSPC, "no room");
  return NULL;
}

static char *
dump_with (Host *data, GHashTable *variables, const char *text)
{
  MilterScenarioHost host
      = { .variables = variables, .folder = make_folder, .place = place, .user_data = data };
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = milter_scenario_parse (
      "a/t", text, strlen (text), &host, MILTER_SCENARIO_SESSIONS, errors);

  return dump_scenario (scenario, errors);
}

static void
check (const char *text, const char *expected)
{
  Host data = { 0 };
  g_autofree char *dump = dump_with (&data, NULL, text);

  cr_expect_str_eq (dump, expected, "%s\n-- gave --\n%s-- instead of --\n%s", text, dump, expected);
}

static void
check_without_host (const char *text, const char *expected)
{
  g_autofree char *dump = dump_text ("t", text, strlen (text));

  cr_expect_str_eq (dump, expected, "%s\n-- gave --\n%s-- instead of --\n%s", text, dump, expected);
}

Test (parser_milters, a_spawned_one_listens_at_a_unix_socket)
{
  check ("spawn ./m -p $socket '$x' \"a b\" $path # c\nsession\n",
         "milter - unix:/run/0 runs ./m|-p|unix:/run/0|$x|a b|/run/0 in a\nsession 1\n");
}

Test (parser_milters, it_listens_at_a_port_if_its_command_uses_one)
{
  check ("spawn m -l $port -s $socket\nsession\n",
         "milter - inet:9000@127.0.0.1 runs m|-l|9000|-s|inet:9000@127.0.0.1 in a\nsession 1\n");
  check ("spawn m \"-l${port}\"\nsession\n",
         "milter - inet:9000@127.0.0.1 runs m|-l9000 in a\nsession 1\n");
  check ("spawn m '$port' $$port\nsession\n",
         "milter - unix:/run/0 runs m|$port|$port in a\nsession 1\n");
}

Test (parser_milters, each_of_a_chain_has_its_socket)
{
  check ("milter one spawn m $socket\n"
         "milter two inet:8893@127.0.0.1\n"
         "milter \"number three\" spawn m $port\n"
         "session\n",
         "milter one unix:/run/0 runs m|unix:/run/0 in a\n"
         "milter two inet:8893@127.0.0.1\n"
         "milter number three inet:9001@127.0.0.1 runs m|9001 in a\n"
         "session 1\n");
}

Test (parser_milters, variables_keep_the_values_of_the_last_one)
{
  check ("spawn m $socket\nsession\nmail $socket $path\n",
         "milter - unix:/run/0 runs m|unix:/run/0 in a\nsession 1\n  mail unix:/run/0 \"/run/0\"\n");
  check ("milter a spawn m $socket\nmilter b spawn m $port\nsession\nmail $socket $port\n",
         "milter a unix:/run/0 runs m|unix:/run/0 in a\n"
         "milter b inet:9001@127.0.0.1 runs m|9001 in a\n"
         "session 1\n  mail inet:9001@127.0.0.1 9001\n");
}

Test (parser_milters, without_a_host_nobody_listens)
{
  check_without_host ("spawn m $socket $dir\nsession\n",
                      "milter - unix:/nonexistent/milter.sock runs "
                      "m|unix:/nonexistent/milter.sock|/nonexistent in .\nsession 1\n");
  check_without_host ("spawn m $port\nsession\n",
                      "milter - inet:1@127.0.0.1 runs m|1 in .\nsession 1\n");
}

Test (parser_milters, the_folder_of_the_run_is_made_when_it_is_used)
{
  Host data = { 0 };
  G_GNUC_UNUSED g_autofree char *unused = dump_with (&data, NULL, "session\nmail a\n");
  g_autofree char *used = NULL;

  cr_expect_eq (data.n_folders, 0);
  used = dump_with (&data, NULL, "session\nmail $dir\nmail ${dir}x\n");
  cr_expect_eq (data.n_folders, 1);
  cr_expect_str_eq (used, "session 1\n  mail \"/tmp/run\"\n  mail \"/tmp/runx\"\n");
}

Test (parser_milters, what_the_host_cannot_give_is_an_error)
{
  Host data = { .fails = TRUE };
  g_autofree char *got = dump_with (&data, NULL, "spawn m $socket\nlet a $dir\nsession\n");

  cr_expect_str_eq (got,
                    "a/t:1:7: expected a place where the milter can listen, got an error: no room\n"
                    "a/t:2:7: expected a temporary folder for the run, got an error: no room\n");
}

/* ---- variables of the command line ---- */

Test (parser_milters, variables_of_the_command_line_win)
{
  Host data = { 0 };
  g_autoptr (GHashTable) variables
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  g_autofree char *got = NULL;

  g_hash_table_insert (variables, g_strdup ("who"), g_bytes_new ("me\0x", 4));
  g_hash_table_insert (variables, g_strdup ("n"), g_bytes_new ("z", 1));
  got = dump_with (
      &data, variables, "let who you\nlet other $who\nsession\nmail $who $other $n\nlet who he\nrcpt $who\n");
  cr_expect_str_eq (got,
                    "session 1\n  mail \"me\\0x\" \"me\\0x\" 1 (varies)\n  rcpt \"me\\0x\"\n");
}

Test (parser_milters, names_that_may_be_set)
{
  cr_expect (milter_scenario_may_set_variable ("who"));
  cr_expect (milter_scenario_may_set_variable ("_a1"));
  cr_expect (!milter_scenario_may_set_variable ("1a"));
  cr_expect (!milter_scenario_may_set_variable ("a-b"));
  cr_expect (!milter_scenario_may_set_variable (""));
  cr_expect (!milter_scenario_may_set_variable ("socket"));
  cr_expect (!milter_scenario_may_set_variable ("n"));
}

/* ---- mistakes ---- */

#define SPEC "expected where the milter listens, as unix:PATH or inet:PORT@HOST, or \"spawn\", got "

static const struct
{
  const char *text;
  const char *errors;
} mistakes[] = {
  { "spawn\nsession\n",
    "t:1:6: expected the command that starts a milter, got the end of the line\n" },
  { "spawn \"\"\nsession\n", "t:1:7: expected the name of a program, got \"\"\"\"\n" },
  { "spawn m \"a\\0\"\nsession\n",
    "t:1:9: expected a word without NUL bytes, got \"\"a\\0\"\"\n" },
  { "spawn m => accept\nsession\n",
    "t:1:9: expected the end of the line behind \"spawn COMMAND [ARGUMENT…]\", got \"=>\"\n" },
  { "spawn a\n spawn b\nsession\n",
    "t:2:2: expected one milter, got another \"spawn\" (a chain is written as \"milter NAME spawn "
    "COMMAND…\" for each)\n" },
  { "spawn a\nmilter b unix:/x\nsession\n",
    "t:2:1: expected one milter, got \"milter\" behind \"spawn\" (a chain is written as \"milter "
    "NAME spawn COMMAND…\" for each)\n" },
  { "milter\nsession\n", "t:1:7: expected the name of a milter, got the end of the line\n" },
  { "milter a\nsession\n", "t:1:9: " SPEC "the end of the line\n" },
  { "milter a x\nsession\n", "t:1:10: " SPEC "\"x\"\n" },
  { "milter a unix:/x y\nsession\n",
    "t:1:18: expected the end of the line behind \"milter NAME SPEC|spawn COMMAND [ARGUMENT…]\", "
    "got \"y\"\n" },
  { "milter a unix:/x\nmilter a unix:/y\nsession\n",
    "t:2:8: expected a name that no other milter of the chain has, got \"a\"\n" },
  { "session\nmail $socket\n",
    "t:2:6: expected a variable that has a value here, got $socket (set by the lines \"spawn\" "
    "and \"milter … spawn\" above)\n" },
  { "spawn m $port $path\nsession\n",
    "t:1:15: expected a variable that has a value here, got $path (set by the lines \"spawn\" "
    "and \"milter … spawn\" above, unless they use $port)\n" },
  { "session\nspawn m\n",
    "t:2:1: expected a line of a session (this one stands before the first one), got \"spawn\"\n" },
  { "let socket x\nsession\n",
    "t:1:5: expected a name that is not one of the language's own variables, got \"socket\"\n" },
};

Test (parser_milters, every_mistake_has_its_line)
{
  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    check_without_host (mistakes[i].text, mistakes[i].errors);
}
