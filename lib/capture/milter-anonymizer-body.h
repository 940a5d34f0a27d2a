/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-body.h: the body of a message, chunk by chunk, with its MIME parts.
 *
 * Lines, boundaries and the fields of parts stay what they are; what the parts say is replaced, in
 * their encoding. Of a body no more is remembered than its boundaries, the beginning of a line and
 * the fields that tell a part's type.
 */
#pragma once

#include "milter-anonymizer-text.h"

G_BEGIN_DECLS

typedef struct _MilterAnonymizerBody MilterAnonymizerBody;

MilterAnonymizerBody *milter_anonymizer_body_new (const MilterPseudonyms *pseudonyms);
void milter_anonymizer_body_free (MilterAnonymizerBody *body);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MilterAnonymizerBody, milter_anonymizer_body_free)

/* A body begins. @type and @encoding: the values of Content-Type and Content-Transfer-Encoding;
 * empty: none, or not known. */
void
milter_anonymizer_body_begin (MilterAnonymizerBody *body, MilterBytes type, MilterBytes encoding);
/* The next bytes of it. */
void milter_anonymizer_body_replace (MilterAnonymizerBody *body, guint8 *bytes, gsize size);

/* Whether a field tells what a body is; more of its value than this is not looked at. */
#define MILTER_ANONYMIZER_MAX_TYPE 4096u
bool milter_anonymizer_is_type (MilterBytes name);
bool milter_anonymizer_is_encoding (MilterBytes name);

G_END_DECLS
