/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-headers.h: a list of header fields, as programs hold one.
 */
#pragma once

#include "milter-header.h"

G_BEGIN_DECLS

#define MILTER_TYPE_HEADERS (milter_headers_get_type ())
/**
 * MilterHeaders:
 *
 * Header fields in the order of a message. Positions of milter_headers_get_nth_header() and indexes
 * among the fields of one name count from 1, those of milter_headers_insert_header() from 0.
 */
MILTER_AVAILABLE G_DECLARE_FINAL_TYPE (MilterHeaders, milter_headers, MILTER, HEADERS, GObject)

MILTER_AVAILABLE MilterHeaders *milter_headers_new (void);
MILTER_AVAILABLE MilterHeaders *milter_headers_copy (MilterHeaders *headers);
MILTER_AVAILABLE const GList *milter_headers_get_list (MilterHeaders *headers);
MILTER_AVAILABLE gboolean milter_headers_add_header (MilterHeaders *headers,
                                                     const char *name,
                                                     const char *value);
MILTER_AVAILABLE gboolean milter_headers_append_header (MilterHeaders *headers,
                                                        const char *name,
                                                        const char *value);
MILTER_AVAILABLE gboolean milter_headers_insert_header (MilterHeaders *headers,
                                                        guint position,
                                                        const char *name,
                                                        const char *value);
MILTER_AVAILABLE gboolean milter_headers_change_header (MilterHeaders *headers,
                                                        const char *name,
                                                        guint index,
                                                        const char *value);
MILTER_AVAILABLE gboolean milter_headers_delete_header (MilterHeaders *headers,
                                                        const char *name,
                                                        guint index);
MILTER_AVAILABLE guint milter_headers_length (MilterHeaders *headers);
MILTER_AVAILABLE MilterHeader *milter_headers_get_nth_header (MilterHeaders *headers, guint index);
MILTER_AVAILABLE MilterHeader *milter_headers_find (MilterHeaders *headers, MilterHeader *header);
MILTER_AVAILABLE MilterHeader *milter_headers_lookup_by_name (MilterHeaders *headers,
                                                              const char *name);
MILTER_AVAILABLE gboolean milter_headers_remove (MilterHeaders *headers, MilterHeader *header);
MILTER_AVAILABLE int milter_headers_index_in_same_header_name (MilterHeaders *headers,
                                                               MilterHeader *header);

G_END_DECLS
