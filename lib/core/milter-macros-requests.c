/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-macros-requests.c: a list of names for each stage. An empty list is a request as well: for
 * no macros (milter-protocol 2.5).
 */
#include "milter-macros-requests.h"

#include <stdarg.h>
#include <string.h>

#include "milter-spec.h"

struct _MilterMacrosRequests
{
  GObject parent_instance;

  GList *symbols[MILTER_N_MACRO_STAGES];
  bool is_set[MILTER_N_MACRO_STAGES];
};

G_DEFINE_TYPE (MilterMacrosRequests, milter_macros_requests, G_TYPE_OBJECT)

static void
milter_macros_requests_finalize (GObject *object)
{
  MilterMacrosRequests *requests = MILTER_MACROS_REQUESTS (object);

  for (guint i = 0; i < MILTER_N_MACRO_STAGES; i++)
    g_list_free_full (requests->symbols[i], g_free);
  G_OBJECT_CLASS (milter_macros_requests_parent_class)->finalize (object);
}

static void
milter_macros_requests_class_init (MilterMacrosRequestsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = milter_macros_requests_finalize;
}

static void
milter_macros_requests_init (MilterMacrosRequests *requests)
{
}

static int
get_stage (MilterCommand command)
{
  const MilterSpec *spec = milter_spec_get (MILTER_SIDE_MTA, command);

  return spec == NULL ? -1 : spec->stage;
}

static char *
copy_name (const char *name)
{
  gsize length = strlen (name);

  if (length >= 2 && name[0] == '{' && name[length - 1] == '}')
    return g_strndup (name + 1, length - 2);
  return g_strdup (name);
}

/* adds one more name, unless it is there already */
static void
add_symbol (MilterMacrosRequests *requests, int stage, const char *symbol)
{
  g_autofree char *name = copy_name (symbol);

  if (*name == '\0'
      || g_list_find_custom (requests->symbols[stage], name, (GCompareFunc) strcmp) != NULL)
    return;
  requests->symbols[stage] = g_list_append (requests->symbols[stage], g_steal_pointer (&name));
}

static void
begin_list (MilterMacrosRequests *requests, int stage)
{
  g_list_free_full (g_steal_pointer (&requests->symbols[stage]), g_free);
  requests->is_set[stage] = true;
}

/**
 * milter_macros_requests_new:
 *
 * Returns: (transfer full): requests for nothing in particular
 */
MilterMacrosRequests *
milter_macros_requests_new (void)
{
  return g_object_new (MILTER_TYPE_MACROS_REQUESTS, NULL);
}

/**
 * milter_macros_requests_set_symbols: (skip)
 * @requests: requests
 * @command: a command that has a macro list: all but header, body and unknown
 * @first_symbol: (nullable): a name, with or without braces
 * @...: more names, then %NULL
 *
 * Sets the list of a stage. Without any name the milter asks for no macros at that stage.
 */
void
milter_macros_requests_set_symbols (MilterMacrosRequests *requests,
                                    MilterCommand command,
                                    const char *first_symbol,
                                    ...)
{
  va_list args;

  va_start (args, first_symbol);
  milter_macros_requests_set_symbols_va_list (requests, command, first_symbol, args);
  va_end (args);
}

/**
 * milter_macros_requests_set_symbols_va_list: (skip)
 * @requests: requests
 * @command: as above
 * @first_symbol: (nullable): a name
 * @args: more names, then %NULL
 *
 * See milter_macros_requests_set_symbols().
 */
void
milter_macros_requests_set_symbols_va_list (MilterMacrosRequests *requests,
                                            MilterCommand command,
                                            const char *first_symbol,
                                            va_list args)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (const char *name = first_symbol; name != NULL; name = va_arg (args, const char *))
    g_ptr_array_add (names, (gpointer) name);
  g_ptr_array_add (names, NULL);
  milter_macros_requests_set_symbols_string_array (requests, command, (const char **) names->pdata);
}

/**
 * milter_macros_requests_set_symbols_string_array:
 * @requests: requests
 * @command: as above
 * @strings: (array zero-terminated=1) (nullable): the names
 *
 * See milter_macros_requests_set_symbols().
 */
void
milter_macros_requests_set_symbols_string_array (MilterMacrosRequests *requests,
                                                 MilterCommand command,
                                                 const char **strings)
{
  int stage = get_stage (command);

  g_return_if_fail (MILTER_IS_MACROS_REQUESTS (requests));
  g_return_if_fail (stage >= 0);

  begin_list (requests, stage);
  for (const char **name = strings; name != NULL && *name != NULL; name++)
    add_symbol (requests, stage, *name);
}

/**
 * milter_macros_requests_get_symbols:
 * @requests: requests
 * @command: a command
 *
 * Returns: (transfer none) (element-type utf8) (nullable): the names, without braces, in the order
 *   in which they were given; %NULL if there are none. Valid until the next change.
 */
GList *
milter_macros_requests_get_symbols (MilterMacrosRequests *requests, MilterCommand command)
{
  int stage = get_stage (command);

  g_return_val_if_fail (MILTER_IS_MACROS_REQUESTS (requests), NULL);

  return stage < 0 ? NULL : requests->symbols[stage];
}

/**
 * milter_macros_requests_has_symbols:
 * @requests: requests
 * @command: a command
 *
 * Returns: whether a list was set for this stage, be it an empty one
 */
gboolean
milter_macros_requests_has_symbols (MilterMacrosRequests *requests, MilterCommand command)
{
  int stage = get_stage (command);

  g_return_val_if_fail (MILTER_IS_MACROS_REQUESTS (requests), FALSE);

  return stage >= 0 && requests->is_set[stage];
}

/**
 * milter_macros_requests_merge:
 * @dest: requests, to which those of @src are added
 * @src: more requests
 *
 * Afterwards @dest asks at each stage for what either asked for there.
 */
void
milter_macros_requests_merge (MilterMacrosRequests *dest, MilterMacrosRequests *src)
{
  g_return_if_fail (MILTER_IS_MACROS_REQUESTS (dest));
  g_return_if_fail (MILTER_IS_MACROS_REQUESTS (src));

  if (dest == src)
    return;
  for (int stage = 0; stage < MILTER_N_MACRO_STAGES; stage++)
    {
      dest->is_set[stage] = dest->is_set[stage] || src->is_set[stage];
      for (GList *node = src->symbols[stage]; node != NULL; node = node->next)
        add_symbol (dest, stage, node->data);
    }
}

/**
 * milter_macros_requests_foreach:
 * @requests: requests
 * @func: (scope call): called for each list that was set, in the order of the stages' numbers
 * @user_data: passed to @func
 *
 * Walks the lists. @func must not change them.
 */
void
milter_macros_requests_foreach (MilterMacrosRequests *requests,
                                MilterMacrosRequestFunc func,
                                gpointer user_data)
{
  g_return_if_fail (MILTER_IS_MACROS_REQUESTS (requests));
  g_return_if_fail (func != NULL);

  for (int stage = 0; stage < MILTER_N_MACRO_STAGES; stage++)
    if (requests->is_set[stage])
      func (milter_macro_stage_to_command (stage), requests->symbols[stage], user_data);
}
