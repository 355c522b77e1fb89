;;; Emacs, batch: a model's fix is under way when its user types, and another one when its user stops it.  -*- lexical-binding: t -*-

(load (expand-file-name "common.el" (file-name-directory load-file-name)) nil t)
(setq eglot-confirm-server-initiated-edits nil)
(defvar said nil "What the fixes ended with.")

(defun note (text &rest arguments)
  "Take note of a message that ends a fix."
  (let ((message (and text (apply #'format-message text arguments))))
    (when (and message (string-match-p "Ask again\\|cancelled" message))
      (setq said (vconcat said (list message))))))

(defun offered ()
  (flymake-start nil t)
  (when-let ((finding (car (flymake-diagnostics))))
    (goto-char (flymake-diagnostic-beg finding))
    (fix-with-model)))

(defun interrupted (number interrupt)
  "Choose a model's fix, interrupt it once the test says that the model works on it, and wait for its end."
  (let ((command (plist-get (await "a model's fix" #'offered) :command)))
    (eglot-execute-command (eglot--current-server-or-lose)
                           (intern (plist-get command :command)) (plist-get command :arguments)))
  (await "the model" (lambda () (file-exists-p (expand-file-name (format "works.%d" number)))))
  (funcall interrupt)
  (await "the end" (lambda () (= (length said) number))))

(condition-case problem
    (progn
      (load (getenv "CODETUNE_SNIPPET") nil t)
      (advice-add 'message :before #'note)
      (connect)
      (interrupted 1 (lambda ()
                       (goto-char (point-min))
                       (insert "# typed\n")
                       (eglot--signal-textDocument/didChange)))
      (interrupted 2 #'codetune-stop)
      (push (cons 'said said) seen)
      (save-buffer)
      (finish nil))
  (error (finish (format "%S" problem))))
