/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tool-chain.c: the milters of a run or of a file.
 */
#include "tool-chain.h"

#include <string.h>
#include <unistd.h>

#include "tool-folder.h"
#include "tool-source.h"
#include "tool-values.h"

/* a place where a milter that is started can listen */
typedef struct
{
  char *path, *spec;
  guint16 port;
  int reserved; /* keeps the port until it is needed; -1: no port, or it was let go */
} Place;

typedef struct
{
  ToolChain *chain;
  char *name; /* (nullable) */
  char *spec;
  char **argv;  /* (nullable) it is started by us */
  char *folder; /* of argv */
  ToolSpawn *spawn; /* (nullable) once it was started */
  bool starting;
} Link;

/* something that went wrong with a milter */
typedef struct
{
  char *text;
  bool told;
} Problem;

struct _ToolChain
{
  ToolChainOptions options;
  ToolFolder *folder;   /* (nullable) */
  ToolChain *folder_of; /* (nullable) unowned: whose folder a scenario is told of */
  GPtrArray *places;    /* of Place */
  GPtrArray *links;     /* of Link */
  char **names;         /* made when it is first asked for */
  gboolean *over_tcp;   /* … with them */
  ToolChainFunc listener;
  gpointer user_data;
  GSource *alarm; /* calls the listener from the main loop */

  char *failure; /* (nullable) */
  bool stopping;
  guint n_restarts;
  GPtrArray *problems; /* of Problem */
  bool has_negotiated;
  ToolNegotiated negotiated;
  bool told_folder;
};

static void
place_free (gpointer data)
{
  Place *place = data;

  if (place->reserved >= 0)
    close (place->reserved);
  g_free (place->path);
  g_free (place->spec);
  g_free (place);
}

static void
link_free (gpointer data)
{
  Link *link = data;

  tool_spawn_free (link->spawn);
  g_free (link->name);
  g_free (link->spec);
  g_free (link->folder);
  g_strfreev (link->argv);
  g_free (link);
}

static void
problem_free (gpointer data)
{
  Problem *problem = data;

  g_free (problem->text);
  g_free (problem);
}

static gboolean
on_alarm (gpointer user_data)
{
  ToolChain *chain = user_data;

  tool_clock_set (chain->alarm, -1);
  if (chain->listener != NULL)
    chain->listener (chain, chain->user_data);
  return G_SOURCE_CONTINUE;
}

ToolChain *
tool_chain_new (const ToolChainOptions *options)
{
  ToolChain *chain = g_new0 (ToolChain, 1);

  chain->options = *options;
  chain->places = g_ptr_array_new_with_free_func (place_free);
  chain->links = g_ptr_array_new_with_free_func (link_free);
  chain->problems = g_ptr_array_new_with_free_func (problem_free);
  chain->alarm = tool_clock_new (on_alarm, chain);
  return chain;
}

void
tool_chain_free (ToolChain *chain)
{
  if (chain == NULL)
    return;
  g_ptr_array_unref (chain->links);
  g_ptr_array_unref (chain->places);
  g_ptr_array_unref (chain->problems);
  tool_folder_free (chain->folder);
  tool_source_free (chain->alarm);
  g_clear_pointer (&chain->negotiated.symbols, g_bytes_unref);
  g_strfreev (chain->names);
  g_free (chain->over_tcp);
  g_free (chain->failure);
  g_free (chain);
}

/* --- places ----------------------------------------------------------------------------------- */

static const char *
get_folder (ToolChain *chain, GError **error)
{
  if (chain->folder == NULL)
    chain->folder = tool_folder_new (error);
  if (chain->folder == NULL)
    return NULL;
  if (chain->options.keep)
    tool_folder_keep (chain->folder);
  return tool_folder_get_path (chain->folder);
}

/* where the next milter can listen; NULL with @error (transfer none) */
static Place *
add_place (ToolChain *chain, bool tcp, GError **error)
{
  const char *folder = get_folder (chain, error);
  g_autofree char *name = NULL;
  Place *place;

  if (folder == NULL)
    return NULL;
  place = g_new0 (Place, 1);
  place->reserved = -1;
  name = chain->places->len == 0 ? g_strdup ("milter.sock")
                                 : g_strdup_printf ("milter%u.sock", chain->places->len + 1);
  place->path = g_build_filename (folder, name, NULL);
  if (tcp)
    place->reserved = tool_reserve_port (&place->port, error);
  if (tcp && place->reserved < 0)
    {
      place_free (place);
      return NULL;
    }
  place->spec = tcp ? g_strdup_printf ("inet:%u@127.0.0.1", place->port)
                    : g_strdup_printf ("unix:%s", place->path);
  g_ptr_array_add (chain->places, place);
  return place;
}

static const char *
host_folder (gpointer user_data, GError **error)
{
  ToolChain *chain = user_data;

  return get_folder (chain->folder_of != NULL ? chain->folder_of : chain, error);
}

static gboolean
host_place (gpointer user_data,
            guint n,
            gboolean tcp,
            char **path,
            char **spec,
            guint16 *port,
            GError **error)
{
  const Place *place = add_place (user_data, tcp, error);

  if (place == NULL)
    return FALSE;
  *path = g_strdup (place->path);
  *spec = g_strdup (place->spec);
  *port = place->port;
  return TRUE;
}

void
tool_chain_set_host (ToolChain *chain, ToolChain *folder_of, MilterScenarioHost *host)
{
  chain->folder_of = folder_of;
  host->folder = host_folder;
  host->place = host_place;
  host->user_data = chain;
}

/* a port is let go when it is needed */
static void
let_go_of_port (ToolChain *chain, const char *spec)
{
  for (guint i = 0; i < chain->places->len; i++)
    {
      Place *place = g_ptr_array_index (chain->places, i);

      if (place->reserved >= 0 && strcmp (place->spec, spec) == 0)
        {
          close (place->reserved);
          place->reserved = -1;
        }
    }
}

/* --- links ------------------------------------------------------------------------------------ */

static Link *
add_link (ToolChain *chain, const char *name, const char *spec)
{
  Link *link = g_new0 (Link, 1);

  link->chain = chain;
  link->name = g_strdup (name);
  link->spec = g_strdup (spec);
  g_ptr_array_add (chain->links, link);
  return link;
}

void
tool_chain_add_spec (ToolChain *chain, const char *spec)
{
  add_link (chain, /* name= */ NULL, spec);
}

/* Replaces `$NAME` and `${NAME}`; `$$` is a dollar sign. (transfer full) */
static char *
expand_word (const char *word, const Place *place, const char *folder, GError **error)
{
  g_autofree char *port = g_strdup_printf ("%u", place->port);
  const struct
  {
    const char *name;
    const char *value;
  } variables[] = {
    { "socket", place->spec }, { "path", place->path }, { "port", port },
    { "dir", folder },         { "$", "$" },
  };
  g_autoptr (GString) text = g_string_new (NULL);

  for (const char *c = word; *c != '\0';)
    {
      const char *name = c + 1;
      bool braced = c[0] == '$' && c[1] == '{';
      const char *value = NULL;
      gsize size;

      if (*c != '$')
        {
          g_string_append_c (text, *c++);
          continue;
        }
      name += braced ? 1 : 0;
      size = *name == '$' ? 1 : strspn (name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_");
      for (gsize i = 0; i < G_N_ELEMENTS (variables); i++)
        {
          if (strlen (variables[i].name) == size && strncmp (variables[i].name, name, size) == 0)
            value = variables[i].value;
        }
      if (value == NULL || (braced && name[size] != '}'))
        {
          g_set_error (error,
                       G_OPTION_ERROR,
                       G_OPTION_ERROR_BAD_VALUE,
                       "\"%s\" has a variable that is none of $socket, $path, $port and $dir (a "
                       "dollar sign is $$; there is no shell)",
                       word);
          return NULL;
        }
      g_string_append (text, value);
      c = name + size + (braced ? 1 : 0);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static bool
names_port (char **argv)
{
  for (char **word = argv; *word != NULL; word++)
    {
      if (strstr (*word, "$port") != NULL || strstr (*word, "${port}") != NULL)
        return true;
    }
  return false;
}

bool
tool_chain_add_command (ToolChain *chain, const char *command, GError **error)
{
  g_auto (GStrv) argv = NULL;
  const Place *place;
  Link *link;

  if (!g_shell_parse_argv (command, /* argcp= */ NULL, &argv, error))
    return false;
  place = add_place (chain, names_port (argv), error);
  if (place == NULL)
    return false;
  for (char **word = argv; *word != NULL; word++)
    {
      char *expanded = expand_word (*word, place, tool_folder_get_path (chain->folder), error);

      if (expanded == NULL)
        return false;
      g_free (*word);
      *word = expanded;
    }
  link = add_link (chain, /* name= */ NULL, place->spec);
  link->argv = g_steal_pointer (&argv);
  link->folder = g_get_current_dir ();
  return true;
}

void
tool_chain_add_milters (ToolChain *chain, const GPtrArray *milters)
{
  for (guint i = 0; i < milters->len; i++)
    {
      const MilterScenarioMilter *milter = g_ptr_array_index (milters, i);
      Link *link = add_link (chain, milter->name, milter->spec);

      link->argv = g_strdupv (milter->argv);
      link->folder = g_strdup (milter->folder != NULL ? milter->folder : ".");
    }
}

guint
tool_chain_get_n_links (const ToolChain *chain)
{
  return chain->links->len;
}

const char *
tool_chain_get_spec (const ToolChain *chain, guint link)
{
  return ((const Link *) g_ptr_array_index (chain->links, link))->spec;
}

/* what is known of the links when all of them are there */
static void
describe_links (ToolChain *chain)
{
  if (chain->names != NULL)
    return;
  chain->names = g_new0 (char *, chain->links->len + 1);
  chain->over_tcp = g_new0 (gboolean, chain->links->len);
  for (guint i = 0; i < chain->links->len; i++)
    {
      const Link *link = g_ptr_array_index (chain->links, i);

      chain->names[i] = link->name != NULL ? g_strdup (link->name) : g_strdup_printf ("%u", i + 1);
      chain->over_tcp[i] = tool_spec_is_over_tcp (link->spec);
    }
}

const char *const *
tool_chain_get_names (const ToolChain *chain)
{
  const Link *first = chain->links->len > 0 ? g_ptr_array_index (chain->links, 0) : NULL;

  if (first == NULL || (chain->links->len == 1 && first->name == NULL))
    return NULL;
  describe_links ((ToolChain *) chain);
  return (const char *const *) chain->names;
}

const gboolean *
tool_chain_get_over_tcp (const ToolChain *chain)
{
  describe_links ((ToolChain *) chain);
  return chain->over_tcp;
}

bool
tool_chain_has_commands (const ToolChain *chain)
{
  for (guint i = 0; i < chain->links->len; i++)
    {
      if (((const Link *) g_ptr_array_index (chain->links, i))->argv != NULL)
        return true;
    }
  return false;
}

int
tool_chain_get_pid (const ToolChain *chain)
{
  for (guint i = 0; i < chain->links->len; i++)
    {
      const Link *link = g_ptr_array_index (chain->links, i);

      if (link->argv != NULL)
        return link->spawn != NULL ? tool_spawn_get_pid (link->spawn) : 0;
    }
  return 0;
}

const ToolNegotiated *
tool_chain_get_negotiated (const ToolChain *chain)
{
  return chain->has_negotiated ? &chain->negotiated : NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

void
tool_chain_set_listener (ToolChain *chain, ToolChainFunc func, gpointer user_data)
{
  chain->listener = func;
  chain->user_data = user_data;
}

static void
ring (ToolChain *chain)
{
  tool_clock_set (chain->alarm, 0);
}

/* takes what its milters have to tell */
static void
collect (ToolChain *chain)
{
  for (guint i = 0; i < chain->links->len; i++)
    {
      const Link *link = g_ptr_array_index (chain->links, i);
      char *text = link->spawn != NULL ? tool_spawn_take_problem (link->spawn) : NULL;

      if (text != NULL)
        {
          Problem *problem = g_new0 (Problem, 1);

          problem->text = text;
          g_ptr_array_add (chain->problems, problem);
        }
      if (link->spawn != NULL && tool_spawn_has_evidence (link->spawn))
        tool_folder_keep (chain->folder);
    }
}

static void
on_started (ToolSpawn *spawn,
            const ToolNegotiated *negotiated,
            const char *problem,
            gpointer user_data)
{
  Link *link = user_data;
  ToolChain *chain = link->chain;

  link->starting = false;
  if (problem != NULL)
    {
      if (chain->failure == NULL)
        chain->failure = g_strdup (problem);
    }
  else if (!chain->has_negotiated)
    {
      chain->has_negotiated = true;
      chain->negotiated = *negotiated;
      chain->negotiated.symbols = g_bytes_ref (negotiated->symbols);
    }
  ring (chain);
}

static void
on_ended (ToolSpawn *spawn, gpointer user_data)
{
  ToolChain *chain = ((Link *) user_data)->chain;

  collect (chain);
  ring (chain);
}


static const ToolSpawnHandlers spawn_handlers = {
  .started = on_started,
  .died = on_ended,
  .stopped = on_ended,
};

static void
start_link (ToolChain *chain, Link *link, guint number)
{
  g_autofree char *label = NULL;
  ToolSpawnConfig config = { 0 };

  if (link->spawn != NULL)
    chain->n_restarts++;
  else
    {
      label = link->name != NULL ? g_strdup_printf ("%s (%s)", link->name, link->argv[0]) : NULL;
      config.label = label;
      config.argv = (const char *const *) link->argv;
      config.folder = link->folder;
      config.dir = tool_folder_get_path (chain->folder);
      config.spec = link->spec;
      config.number = number;
      config.timeout_us = chain->options.timeout_us;
      config.grace_us = chain->options.grace_us;
      link->spawn = tool_spawn_new (&config, &spawn_handlers, link);
    }
  let_go_of_port (chain, link->spec);
  link->starting = true;
  tool_spawn_start (link->spawn);
}

ToolChainState
tool_chain_ensure_ready (ToolChain *chain)
{
  ToolChainState state = TOOL_CHAIN_READY;

  if (chain->failure != NULL)
    return TOOL_CHAIN_FAILED;
  for (guint i = 0; i < chain->links->len; i++)
    {
      Link *link = g_ptr_array_index (chain->links, i);

      if (link->argv == NULL || (link->spawn != NULL && tool_spawn_is_ready (link->spawn)))
        {
          /* it may have died since, and is about to be waited for */
          if (link->spawn != NULL && tool_spawn_is_ending (link->spawn))
            state = TOOL_CHAIN_WAIT;
          continue;
        }
      state = TOOL_CHAIN_WAIT;
      if (link->spawn == NULL || tool_spawn_is_over (link->spawn))
        start_link (chain, link, i + 1);
    }
  return state;
}

const char *
tool_chain_get_failure (const ToolChain *chain)
{
  return chain->failure;
}

ToolChainState
tool_chain_ensure_stopped (ToolChain *chain)
{
  ToolChainState state = TOOL_CHAIN_READY;

  if (!chain->stopping)
    {
      chain->stopping = true;
      for (guint i = 0; i < chain->links->len; i++)
        {
          const Link *link = g_ptr_array_index (chain->links, i);

          if (link->spawn != NULL && !tool_spawn_is_over (link->spawn))
            tool_spawn_stop (link->spawn);
        }
    }
  for (guint i = 0; i < chain->links->len; i++)
    {
      const Link *link = g_ptr_array_index (chain->links, i);

      if (link->spawn != NULL && !tool_spawn_is_over (link->spawn))
        state = TOOL_CHAIN_WAIT;
    }
  return state;
}

bool
tool_chain_is_ending (const ToolChain *chain, guint link)
{
  const Link *asked = g_ptr_array_index (chain->links, link);

  return asked->spawn != NULL && tool_spawn_is_ending (asked->spawn);
}

guint
tool_chain_get_n_restarts (const ToolChain *chain)
{
  return chain->n_restarts;
}

/* --- what went wrong -------------------------------------------------------------------------- */

guint
tool_chain_mark_problems (ToolChain *chain)
{
  collect (chain);
  return chain->problems->len;
}

/* those behind @from, that were not told if @untold; all of them count as told then */
static char *
tell_problems (ToolChain *chain, guint from, bool untold)
{
  GString *text = g_string_new (NULL);

  collect (chain);
  for (guint i = from; i < chain->problems->len; i++)
    {
      Problem *problem = g_ptr_array_index (chain->problems, i);

      if (untold && problem->told)
        continue;
      problem->told = true;
      g_string_append_printf (text, "%s%s", text->len > 0 ? "\n" : "", problem->text);
    }
  return g_string_free (text, text->len == 0);
}

char *
tool_chain_get_problems (ToolChain *chain, guint mark)
{
  return tell_problems (chain, mark, /* untold= */ false);
}

char *
tool_chain_take_untold (ToolChain *chain)
{
  return tell_problems (chain, 0, /* untold= */ true);
}

guint64 *
tool_chain_mark_output (ToolChain *chain)
{
  guint64 *marks = g_new0 (guint64, MAX (chain->links->len, 1));

  for (guint i = 0; i < chain->links->len; i++)
    {
      const Link *link = g_ptr_array_index (chain->links, i);

      if (link->spawn != NULL)
        marks[i] = tool_output_get_size (tool_spawn_get_output (link->spawn));
    }
  return marks;
}

void
tool_chain_add_output (ToolChain *chain, const guint64 *marks, ReportCase *report_case)
{
  const char *const *names = tool_chain_get_names (chain);

  for (guint i = 0; i < chain->links->len; i++)
    {
      const Link *link = g_ptr_array_index (chain->links, i);
      g_autoptr (GByteArray) bytes = g_byte_array_new ();

      if (link->spawn == NULL)
        continue;
      tool_output_append_since (
          tool_spawn_get_output (link->spawn), marks != NULL ? marks[i] : 0, bytes);
      if (bytes->len > 0)
        report_case_add_output (
            report_case, names != NULL ? names[i] : NULL, milter_bytes (bytes->data, bytes->len));
    }
}

char *
tool_chain_get_last_lines (ToolChain *chain, guint n)
{
  const char *const *names = tool_chain_get_names (chain);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < chain->links->len; i++)
    {
      const Link *link = g_ptr_array_index (chain->links, i);
      g_autofree char *lines = NULL;

      if (link->spawn != NULL)
        lines = tool_output_get_last_lines (tool_spawn_get_output (link->spawn), n);
      if (lines == NULL)
        continue;
      if (names != NULL)
        g_string_append_printf (text, "%s%s:", text->len > 0 ? "\n" : "", names[i]);
      g_string_append_printf (text, "%s%s", text->len > 0 ? "\n" : "", lines);
    }
  return g_string_free (text, text->len == 0);
}

char *
tool_chain_take_notes (ToolChain *chain)
{
  GString *notes = g_string_new (NULL);

  collect (chain);
  for (guint i = 0; i < chain->links->len; i++)
    {
      const Link *link = g_ptr_array_index (chain->links, i);
      g_autofree char *note = link->spawn != NULL ? tool_spawn_take_note (link->spawn) : NULL;

      if (note != NULL)
        g_string_append_printf (notes, "%s%s", notes->len > 0 ? "\n" : "", note);
    }
  if (chain->folder != NULL && tool_folder_is_kept (chain->folder) && !chain->told_folder)
    {
      chain->told_folder = true;
      g_string_append_printf (notes,
                              "%sthe temporary folder of the milter is kept: %s",
                              notes->len > 0 ? "\n" : "",
                              tool_folder_get_path (chain->folder));
    }
  return g_string_free (notes, notes->len == 0);
}
