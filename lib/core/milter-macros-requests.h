/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-macros-requests.h: the macros that a milter asks for, by stage.
 */
#pragma once

#include <glib-object.h>

#include "milter-enums.h"
#include "milter-version-macros.h"

G_BEGIN_DECLS

#define MILTER_TYPE_MACROS_REQUESTS (milter_macros_requests_get_type ())
/**
 * MilterMacrosRequests:
 *
 * For each of the seven stages that have one, the list of macros that a milter wants to be sent
 * instead of the MTA's own choice. Names are kept without braces.
 */
MILTER_AVAILABLE G_DECLARE_FINAL_TYPE (MilterMacrosRequests,
                                       milter_macros_requests,
                                       MILTER,
                                       MACROS_REQUESTS,
                                       GObject)

/**
 * MilterMacrosRequestFunc:
 * @command: the command before which the macros travel
 * @symbols: (element-type utf8): the names, without braces; %NULL if the list is empty
 * @user_data: what was passed to milter_macros_requests_foreach()
 *
 * Told one list.
 */
typedef void (*MilterMacrosRequestFunc) (MilterCommand command,
                                         GList *symbols,
                                         gpointer user_data);

MILTER_AVAILABLE MilterMacrosRequests *milter_macros_requests_new (void);
MILTER_AVAILABLE void milter_macros_requests_set_symbols (MilterMacrosRequests *requests,
                                                          MilterCommand command,
                                                          const char *first_symbol,
                                                          ...);
MILTER_AVAILABLE void milter_macros_requests_set_symbols_va_list (MilterMacrosRequests *requests,
                                                                  MilterCommand command,
                                                                  const char *first_symbol,
                                                                  va_list args);
MILTER_AVAILABLE void
milter_macros_requests_set_symbols_string_array (MilterMacrosRequests *requests,
                                                 MilterCommand command,
                                                 const char **strings);
MILTER_AVAILABLE GList *milter_macros_requests_get_symbols (MilterMacrosRequests *requests,
                                                            MilterCommand command);
MILTER_AVAILABLE gboolean milter_macros_requests_has_symbols (MilterMacrosRequests *requests,
                                                              MilterCommand command);
MILTER_AVAILABLE void milter_macros_requests_merge (MilterMacrosRequests *dest,
                                                    MilterMacrosRequests *src);
MILTER_AVAILABLE void milter_macros_requests_foreach (MilterMacrosRequests *requests,
                                                      MilterMacrosRequestFunc func,
                                                      gpointer user_data);

G_END_DECLS
