/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-protocol-agent.c: macros for programs, on top of the store in milter-macros.c.
 *
 * Hash tables are made when a program asks for one, never when a frame arrives.
 */
#include "milter-protocol-agent.h"

#include <stdarg.h>
#include <string.h>

#include "milter-enum-types.h"
#include "milter-protocol-agent-private.h"

typedef struct
{
  MilterProtocolAgentState state;
  GHashTable *current; /* what was handed out last */
  GHashTable *available;
  MilterMacrosRequests *requests;
} MilterProtocolAgentPrivate;

G_DEFINE_TYPE_WITH_PRIVATE (MilterProtocolAgent, milter_protocol_agent, G_TYPE_OBJECT)

enum
{
  PROP_MACRO_CONTEXT = 1,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static MilterProtocolAgentPrivate *
get_private (MilterProtocolAgent *agent)
{
  return milter_protocol_agent_get_instance_private (agent);
}

static void
milter_protocol_agent_finalize (GObject *object)
{
  MilterProtocolAgentPrivate *priv = get_private (MILTER_PROTOCOL_AGENT (object));

  milter_macros_free (priv->state.macros);
  g_clear_pointer (&priv->current, g_hash_table_unref);
  g_clear_pointer (&priv->available, g_hash_table_unref);
  g_clear_object (&priv->requests);
  G_OBJECT_CLASS (milter_protocol_agent_parent_class)->finalize (object);
}

static void
milter_protocol_agent_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_MACRO_CONTEXT)
    g_value_set_enum (value, get_private (MILTER_PROTOCOL_AGENT (object))->state.macro_context);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
milter_protocol_agent_set_property (GObject *object,
                                    guint id,
                                    const GValue *value,
                                    GParamSpec *pspec)
{
  if (id == PROP_MACRO_CONTEXT)
    milter_protocol_agent_set_macro_context (MILTER_PROTOCOL_AGENT (object),
                                             g_value_get_enum (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
milter_protocol_agent_class_init (MilterProtocolAgentClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = milter_protocol_agent_finalize;
  object_class->get_property = milter_protocol_agent_get_property;
  object_class->set_property = milter_protocol_agent_set_property;

  /**
   * MilterProtocolAgent:macro-context:
   *
   * The command whose stage is the current one. Changes are not notified: they come with each
   * command.
   */
  properties[PROP_MACRO_CONTEXT]
      = g_param_spec_enum ("macro-context",
                           NULL,
                           NULL,
                           MILTER_TYPE_COMMAND,
                           MILTER_COMMAND_NEGOTIATE,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
milter_protocol_agent_init (MilterProtocolAgent *agent)
{
  MilterProtocolAgentPrivate *priv = get_private (agent);

  priv->state.macro_context = MILTER_COMMAND_NEGOTIATE;
}

MilterProtocolAgentState *
_milter_protocol_agent_get_state (MilterProtocolAgent *agent)
{
  return &get_private (agent)->state;
}

MilterMacros *
_milter_protocol_agent_get_store (MilterProtocolAgent *agent)
{
  MilterProtocolAgentState *state = &get_private (agent)->state;

  if (state->macros == NULL)
    state->macros = milter_macros_new ();
  return state->macros;
}

/**
 * milter_protocol_agent_set_macro_context:
 * @agent: an agent
 * @macro_context: a command
 *
 * Says which stage is the current one. The contexts do so with each command.
 */
void
milter_protocol_agent_set_macro_context (MilterProtocolAgent *agent, MilterCommand macro_context)
{
  g_return_if_fail (MILTER_IS_PROTOCOL_AGENT (agent));

  get_private (agent)->state.macro_context = macro_context;
}

/**
 * milter_protocol_agent_get_macro_context:
 * @agent: an agent
 *
 * Returns: the command whose stage is the current one, %MILTER_COMMAND_NEGOTIATE at first
 */
MilterCommand
milter_protocol_agent_get_macro_context (MilterProtocolAgent *agent)
{
  g_return_val_if_fail (MILTER_IS_PROTOCOL_AGENT (agent), MILTER_COMMAND_NEGOTIATE);

  return get_private (agent)->state.macro_context;
}

/**
 * milter_protocol_agent_set_macros: (skip)
 * @agent: an agent
 * @macro_context: the command of a stage
 * @macro_name: (nullable): a name
 * @...: its value, then more names and values, then %NULL
 *
 * Replaces the macros of a stage. A name whose value is %NULL ends the list.
 */
void
milter_protocol_agent_set_macros (MilterProtocolAgent *agent,
                                  MilterCommand macro_context,
                                  const char *macro_name,
                                  ...)
{
  va_list args;

  g_return_if_fail (MILTER_IS_PROTOCOL_AGENT (agent));

  milter_protocol_agent_clear_macros (agent, macro_context);
  va_start (args, macro_name);
  for (const char *name = macro_name; name != NULL; name = va_arg (args, const char *))
    {
      const char *value = va_arg (args, const char *);

      if (value == NULL)
        break;
      milter_protocol_agent_set_macro (agent, macro_context, name, value);
    }
  va_end (args);
}

/**
 * milter_protocol_agent_set_macros_hash_table:
 * @agent: an agent
 * @macro_context: the command of a stage
 * @macros: (element-type utf8 utf8) (nullable): names and values; copied
 *
 * Replaces the macros of a stage.
 */
void
milter_protocol_agent_set_macros_hash_table (MilterProtocolAgent *agent,
                                             MilterCommand macro_context,
                                             GHashTable *macros)
{
  g_autoptr (GList) names = NULL;

  g_return_if_fail (MILTER_IS_PROTOCOL_AGENT (agent));

  milter_protocol_agent_clear_macros (agent, macro_context);
  if (macros == NULL)
    return;
  /* sorted, so that the same macros always make the same frame */
  names = g_list_sort (g_hash_table_get_keys (macros), (GCompareFunc) strcmp);
  for (GList *node = names; node != NULL; node = node->next)
    milter_protocol_agent_set_macro (
        agent, macro_context, node->data, g_hash_table_lookup (macros, node->data));
}

/**
 * milter_protocol_agent_set_macro:
 * @agent: an agent
 * @macro_context: the command of a stage; one that has no macros is ignored
 * @macro_name: a name, not empty
 * @macro_value: (nullable): its value, %NULL takes the macro out
 *
 * Sets one macro of a stage.
 */
void
milter_protocol_agent_set_macro (MilterProtocolAgent *agent,
                                 MilterCommand macro_context,
                                 const char *macro_name,
                                 const char *macro_value)
{
  g_return_if_fail (MILTER_IS_PROTOCOL_AGENT (agent));
  g_return_if_fail (macro_name != NULL);

  milter_macros_set_one (_milter_protocol_agent_get_store (agent), macro_context, macro_name, macro_value);
}

/* the store's strings end in NUL, so they can be taken as they are; the first of a name counts, as
 * for a look-up */
static void
add_stage (GHashTable *table, const MilterMacros *macros, guint8 command)
{
  MilterBytes pairs = milter_macros_get_stage (macros, command);
  MilterBytes name, value;

  while (milter_strings_next (&pairs, &name) && milter_strings_next (&pairs, &value))
    {
      g_autofree char *bare = NULL;

      if (name.size >= 2 && name.data[0] == '{' && name.data[name.size - 1] == '}')
        bare = g_strndup ((const char *) name.data + 1, name.size - 2);
      else
        bare = g_strndup ((const char *) name.data, name.size);
      if (!g_hash_table_contains (table, bare))
        g_hash_table_insert (
            table, g_steal_pointer (&bare), g_strndup ((const char *) value.data, value.size));
    }
}

static GHashTable *
begin_table (GHashTable **table)
{
  g_clear_pointer (table, g_hash_table_unref);
  *table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return *table;
}

/**
 * milter_protocol_agent_get_macros:
 * @agent: an agent
 *
 * Returns: (transfer none) (element-type utf8 utf8): the macros of the current stage alone, names
 *   without braces; maybe empty, never %NULL. It is a copy, valid until the next call; take a
 *   reference to keep it.
 */
GHashTable *
milter_protocol_agent_get_macros (MilterProtocolAgent *agent)
{
  MilterProtocolAgentPrivate *priv;

  g_return_val_if_fail (MILTER_IS_PROTOCOL_AGENT (agent), NULL);

  priv = get_private (agent);
  add_stage (begin_table (&priv->current), _milter_protocol_agent_get_store (agent), priv->state.macro_context);
  return priv->current;
}

/**
 * milter_protocol_agent_get_available_macros:
 * @agent: an agent
 *
 * Returns: (transfer none) (element-type utf8 utf8): the macros of the current stage and of those
 *   before it, later ones before earlier ones of the same name; otherwise as above
 */
GHashTable *
milter_protocol_agent_get_available_macros (MilterProtocolAgent *agent)
{
  MilterProtocolAgentPrivate *priv;
  const char *stage;

  g_return_val_if_fail (MILTER_IS_PROTOCOL_AGENT (agent), NULL);

  priv = get_private (agent);
  begin_table (&priv->available);
  for (stage = milter_macros_get_stages (priv->state.macro_context); *stage != '\0'; stage++)
    add_stage (priv->available, _milter_protocol_agent_get_store (agent), *stage);
  return priv->available;
}

/**
 * milter_protocol_agent_get_macro:
 * @agent: an agent
 * @name: a name, with or without braces
 *
 * Returns: (transfer none) (nullable): the macro's value at the current stage, or at the last one
 *   before that has it; %NULL if there is none. Valid until the next command.
 */
const char *
milter_protocol_agent_get_macro (MilterProtocolAgent *agent, const char *name)
{
  MilterProtocolAgentPrivate *priv;

  g_return_val_if_fail (MILTER_IS_PROTOCOL_AGENT (agent), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  priv = get_private (agent);
  return milter_macros_lookup (_milter_protocol_agent_get_store (agent), priv->state.macro_context, name);
}

/**
 * milter_protocol_agent_clear_macros:
 * @agent: an agent
 * @macro_context: the command of a stage
 *
 * Takes out all macros of a stage.
 */
void
milter_protocol_agent_clear_macros (MilterProtocolAgent *agent, MilterCommand macro_context)
{
  g_return_if_fail (MILTER_IS_PROTOCOL_AGENT (agent));

  milter_macros_set (_milter_protocol_agent_get_store (agent), macro_context, milter_bytes (NULL, 0));
}

/**
 * milter_protocol_agent_clear_message_related_macros:
 * @agent: an agent
 *
 * Takes out the macros of all stages from MAIL on.
 */
void
milter_protocol_agent_clear_message_related_macros (MilterProtocolAgent *agent)
{
  g_return_if_fail (MILTER_IS_PROTOCOL_AGENT (agent));

  milter_macros_command (_milter_protocol_agent_get_store (agent), MILTER_COMMAND_ABORT);
}

/**
 * milter_protocol_agent_set_macros_requests:
 * @agent: an agent
 * @requests: (nullable): what the milter asks for; a reference is taken
 */
void
milter_protocol_agent_set_macros_requests (MilterProtocolAgent *agent,
                                           MilterMacrosRequests *requests)
{
  g_return_if_fail (MILTER_IS_PROTOCOL_AGENT (agent));
  g_return_if_fail (requests == NULL || MILTER_IS_MACROS_REQUESTS (requests));

  g_set_object (&get_private (agent)->requests, requests);
}

/**
 * milter_protocol_agent_get_macros_requests:
 * @agent: an agent
 *
 * Returns: (transfer none) (nullable): what the milter asks for, %NULL if nothing was set
 */
MilterMacrosRequests *
milter_protocol_agent_get_macros_requests (MilterProtocolAgent *agent)
{
  g_return_val_if_fail (MILTER_IS_PROTOCOL_AGENT (agent), NULL);

  return get_private (agent)->requests;
}
