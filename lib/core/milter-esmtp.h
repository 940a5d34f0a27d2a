/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-esmtp.h: the arguments of MAIL FROM and RCPT TO, taken apart.
 */
#pragma once

#include <glib.h>

#include "milter-version-macros.h"

G_BEGIN_DECLS

/**
 * MilterEsmtpError:
 * @MILTER_ESMTP_ERROR_INVALID_FORMAT: an argument that SMTP does not allow
 *
 * Causes, in the domain %MILTER_ESMTP_ERROR.
 */
typedef enum
{
  MILTER_ESMTP_ERROR_INVALID_FORMAT
} MilterEsmtpError;

#define MILTER_ESMTP_ERROR (milter_esmtp_error_quark ())
MILTER_AVAILABLE GQuark milter_esmtp_error_quark (void);
MILTER_AVAILABLE gboolean milter_esmtp_parse_mail_from_argument (const char *argument,
                                                                 char **path,
                                                                 GHashTable **parameters,
                                                                 GError **error);
MILTER_AVAILABLE gboolean milter_esmtp_parse_rcpt_to_argument (const char *argument,
                                                               char **path,
                                                               GHashTable **parameters,
                                                               GError **error);

G_END_DECLS
