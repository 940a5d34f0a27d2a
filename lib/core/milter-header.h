/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-header.h: one header field.
 */
#pragma once

#include <glib-object.h>

#include "milter-version-macros.h"

G_BEGIN_DECLS

#define MILTER_TYPE_HEADER (milter_header_get_type ())

/**
 * MilterHeader:
 * @name: its name
 * @value: (nullable): its value
 *
 * A header field. It owns its strings.
 */
typedef struct
{
  char *name;
  char *value;
} MilterHeader;

MILTER_AVAILABLE GType milter_header_get_type (void);
MILTER_AVAILABLE MilterHeader *milter_header_new (const char *name, const char *value);
MILTER_AVAILABLE MilterHeader *milter_header_copy (MilterHeader *header);
MILTER_AVAILABLE void milter_header_free (MilterHeader *header);
MILTER_AVAILABLE gboolean milter_header_equal (gconstpointer header1, gconstpointer header2);
MILTER_AVAILABLE int milter_header_compare (MilterHeader *header_a, MilterHeader *header_b);
MILTER_AVAILABLE void milter_header_inspect (GString *string,
                                             gconstpointer header,
                                             gpointer user_data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterHeader, milter_header_free)

G_END_DECLS
