/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server-milters.c: the milters of the command line.
 */
#include "server-milters.h"

ToolChain *
server_milters_new_chain (const ServerOptions *options)
{
  const ToolChainOptions limits = {
    .timeout_us = options->spawn_timeout_us,
    .grace_us = options->spawn_grace_us,
    .keep = options->keep_folder,
  };

  return tool_chain_new (&limits);
}

ToolChain *
server_milters_make (const ServerOptions *options, GError **error)
{
  g_autoptr (ToolChain) chain = server_milters_new_chain (options);

  for (guint i = 0; i < options->milters->len; i++)
    {
      const ServerMilter *milter = g_ptr_array_index (options->milters, i);

      if (!milter->is_command)
        tool_chain_add_spec (chain, milter->text);
      else if (!tool_chain_add_command (chain, milter->text, error))
        return NULL;
    }
  return g_steal_pointer (&chain);
}
