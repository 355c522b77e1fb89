;;; Emacs, batch: a model's fix is under way when its user types.  -*- lexical-binding: t -*-

(load (expand-file-name "common.el" (file-name-directory load-file-name)) nil t)
(setq eglot-confirm-server-initiated-edits nil)

(defun findings ()
  (flymake-start nil t)
  (flymake-diagnostics))

(defun offered ()
  (goto-char (flymake-diagnostic-beg (car (findings))))
  (fix-with-model))

(condition-case problem
    (let (failure)
      (connect)
      (await "the finding" (lambda () (= (length (findings)) 1)))
      (jsonrpc-async-request (eglot--current-server-or-lose) :workspace/executeCommand
                             (plist-get (await "a model's fix" #'offered) :command)
                             :success-fn (lambda (_) (setq failure "it did not fail"))
                             :error-fn (lambda (said) (setq failure (plist-get said :message)))
                             :timeout 120)
      (goto-char (point-min))
      (insert "# typed\n")
      (eglot--signal-textDocument/didChange)
      (push (cons 'typed (await "the end" (lambda () failure))) seen)
      (save-buffer)
      (finish nil))
  (error (finish (format "%S" problem))))
